"""The store: voice embeddings, speakers and labels in Postgres; needs no audio and no model.

The public names are in ``__init__.pyi``. Each module is imported when one of its names is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
