"""The built-in answer to ``segments_ready``: a pipeline opened by the environment's settings."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from pgvoice.hooks.answers import Labelled
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE
from pgvoice.hooks.pipeline import Pipeline
from pgvoice.hooks.plugins.specs import hookimpl
from pgvoice.store.database.connection import URL_VARIABLE
from pgvoice.store.database.embedded import DATA_VARIABLE

_SETTINGS = (URL_VARIABLE, DATA_VARIABLE, ENCODER_VARIABLE)
#: The process, because a forked one cannot use its parent's connections, and the settings.
_Key = tuple[int, tuple[str | None, ...]]


class _Opened:
    """The open pipelines, one per process and settings."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pipelines: dict[_Key, Pipeline] = {}

    def get(self) -> Pipeline:
        """The pipeline of the current settings; after a failure to open, the next call retries."""
        key = (os.getpid(), tuple(os.environ.get(name) or None for name in _SETTINGS))
        with self._lock:
            if key not in self._pipelines:
                self._pipelines[key] = Pipeline()
                # Registered after the embedded server's start, so that this runs before its end.
                atexit.register(self.close)
            return self._pipelines[key]

    def close(self) -> None:
        """Close the pipelines of this process."""
        with self._lock:
            for key in [key for key in self._pipelines if key[0] == os.getpid()]:
                self._pipelines.pop(key).close()

    def renew_lock(self) -> None:
        """After a fork: a thread of the parent may have held the lock."""
        self._lock = Lock()


_opened = _Opened()
#: Closes the pipelines, as the end of the process does; the next call opens one again.
close = _opened.close
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_opened.renew_lock)


@hookimpl(trylast=True)
def segments_ready(video: str, audio: Path | None, segments: Iterable[Any]) -> list[Labelled]:
    """What `Pipeline.label` returns and raises."""
    return _opened.get().label(video, audio, segments)
