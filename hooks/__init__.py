"""The public API of the hooks: from audio and segments to named speakers, and for plugins.

The public names are in ``__init__.pyi``. Each module is imported when one of its names is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
