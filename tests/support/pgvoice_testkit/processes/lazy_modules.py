"""Calms SpeechBrain's lazy modules, which import something on any attribute access."""

from __future__ import annotations

import sys


def calm() -> None:
    """Set their ``__file__``, as Hypothesis reads it from every module."""
    for name, module in list(sys.modules.items()):
        if name.startswith("speechbrain."):
            vars(module).setdefault("__file__", None)
