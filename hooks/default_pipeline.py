"""The built-in answer to ``segments_ready``: a pipeline that the environment's settings open."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from pgvoice.hooks.answers import Labelled
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE
from pgvoice.hooks.pipeline import Pipeline
from pgvoice.hooks.plugins.specs import hookimpl
from pgvoice.store.database.connection import URL_VARIABLE
from pgvoice.store.database.embedded import DATA_VARIABLE

_SETTINGS = (URL_VARIABLE, DATA_VARIABLE, ENCODER_VARIABLE)


class _Key(NamedTuple):
    """A forked process opens its own: connections are of the process that made them."""

    process: int
    settings: tuple[str | None, ...]


class _Opened:
    """The pipelines that are open, each once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pipelines: dict[_Key, Pipeline] = {}

    def get(self) -> Pipeline:
        """That of the settings as they are now; one that cannot be opened is tried again."""
        key = _Key(os.getpid(), tuple(os.environ.get(name) or None for name in _SETTINGS))
        with self._lock:
            if key not in self._pipelines:
                self._pipelines[key] = Pipeline()
                # Now, so that it is closed before the embedded server that it started.
                atexit.register(self.close)
            return self._pipelines[key]

    def close(self) -> None:
        """Close those of this process."""
        with self._lock:
            for key in [key for key in self._pipelines if key.process == os.getpid()]:
                self._pipelines.pop(key).close()

    def forget_lock(self) -> None:
        """A thread of the parent may have held it."""
        self._lock = Lock()


_opened = _Opened()
#: Closes what was opened, as the end of the process does; the next call opens anew.
close = _opened.close
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_opened.forget_lock)


@hookimpl(trylast=True)
def segments_ready(video: str, audio: Path | None, segments: Iterable[Any]) -> list[Labelled]:
    """What `Pipeline.label` answers; raises what it raises."""
    return _opened.get().label(video, audio, segments)
