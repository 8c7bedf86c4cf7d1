"""SpeechBrain's modules that import something when they are asked for anything."""

from __future__ import annotations

import sys


def calm() -> None:
    """Hypothesis asks every module for its file: these shall answer without importing."""
    for name, module in list(sys.modules.items()):
        if name.startswith("speechbrain."):
            vars(module).setdefault("__file__", None)
