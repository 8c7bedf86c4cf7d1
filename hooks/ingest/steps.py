"""How far the recording in progress is: the audio that was segmented, or the segments filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.segmenters.segmenter import Segmenter, SegmenterAudio
from pgvoice.store.turns import Turn

What = Literal["segmenting", "filling"]


class Step(NamedTuple):
    """What is being done with a recording."""

    video: str
    #: None if that is not known, as of a recording that another process fills.
    what: What | None = None
    #: Milliseconds of audio while segmenting, else segments.
    done: int = 0
    total: int = 0


#: Called with each step of a recording.
OnStep = Callable[[Step], None]


def ignore(_step: Step) -> None:
    """Tell nobody."""


class Followed:
    """A segmenter that tells how far it is in the audio of `video`."""

    def __init__(self, segmenter: Segmenter, video: str, tell: OnStep) -> None:
        self._segmenter, self._video, self._tell = segmenter, video, tell
        self.identity, self.labels_are_people = segmenter.identity, segmenter.labels_are_people

    @property
    def device(self) -> str:
        return self._segmenter.device

    def load(self) -> None:
        self._segmenter.load()

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        heard = _Heard(audio, self._video, self._tell)
        for turn in self._segmenter.turns(heard):
            heard.reach(round(turn.start * 1000))
            yield turn


class _Heard:
    """Audio that tells how far it was heard."""

    def __init__(self, audio: SegmenterAudio, video: str, tell: OnStep) -> None:
        self._audio, self._video, self._tell = audio, video, tell
        self._reached_ms = -1
        self.path, self.info = audio.path, audio.info

    def windows(
        self, length_ms: int, step_ms: int, sample_rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        for start_ms, window in self._audio.windows(length_ms, step_ms, sample_rate):
            self.reach(start_ms)
            yield start_ms, window

    def reach(self, ms: int) -> None:
        if ms > self._reached_ms:
            self._reached_ms = ms
            self._tell(Step(self._video, "segmenting", ms, self.info.duration_ms))
