"""``SharedSegmenter``: one segmenter for several threads."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from pgvoice.hooks.segmenters.segmenter import Segmenter, SegmenterAudio, SegmenterIdentity
from pgvoice.store.turns import Turn


class SharedSegmenter:
    """A segmenter that is loaded once; only one thread at a time has its next turn found."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._lock = Lock()
        self._loaded = False

    @property
    def identity(self) -> SegmenterIdentity:
        return self._segmenter.identity

    @property
    def labels_are_people(self) -> bool:
        return self._segmenter.labels_are_people

    @property
    def device(self) -> str:
        return self._segmenter.device

    def load(self) -> None:
        with self._lock:
            if not self._loaded:
                self._segmenter.load()
                self._loaded = True

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        self.load()
        found = self._segmenter.turns(audio)
        while True:
            with self._lock:
                turn = next(found, None)
            if turn is None:
                return
            yield turn
