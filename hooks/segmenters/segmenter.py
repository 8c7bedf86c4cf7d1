"""The ``Segmenter`` protocol: audio in, turns with labels out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from pgvoice.hooks.audio.recording import AudioInfo
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.store.turns import Turn


@dataclass(frozen=True, slots=True)
class SegmenterIdentity:
    """What turns depend on besides the audio; equal identities give equal turns."""

    name: str
    #: The weights: a hash or a release.
    revision: str
    #: How they are used; changes with anything that changes turns.
    settings: str = ""

    def __str__(self) -> str:
        """As it is stored with turns."""
        return " ".join(filter(None, (f"{self.name}@{self.revision[:19]}", self.settings)))


class SegmenterAudio(Protocol):
    """A recording that is being decoded, from the start to the end and once."""

    @property
    def path(self) -> Path:
        """The file, for segmenters that decode for themselves."""

    @property
    def info(self) -> AudioInfo:
        """The file's hash, length, sample rate and channels."""

    def windows(
        self, length_ms: int, step_ms: int, sample_rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        """(start in ms, mono waveform) for windows that start every `step_ms`, in order.

        The last one is the first that reaches the end of the audio, and may be shorter; a recording
        that is no longer than `length_ms` has one. Each is a pure function of the file's bytes, its
        place and `sample_rate`. Raises `AudioError`.
        """


@runtime_checkable
class Segmenter(Protocol):
    """Finds who speaks when, without names. Creating one is cheap; `turns` loads the weights."""

    @property
    def identity(self) -> SegmenterIdentity:
        """Available without loading weights and without importing torch."""

    @property
    def labels_are_people(self) -> bool:
        """Whether a label stands for one person throughout a recording.

        If not, it does so only while somebody speaks on; the labels are then joined by how similar
        their voices are, except for turns that overlap.
        """

    @property
    def device(self) -> str:
        """The device that the model runs on: ``cpu``, ``cuda:0``, ``mps``. May import torch."""

    def load(self) -> None:
        """Load the weights now instead of at the first `turns`; later calls do nothing.

        Raises `SegmenterUnavailable` if they are missing.
        """

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        """The turns in order of their starts, overlapping ones included, each with a label.

        Times are in seconds. They depend on the audio alone, not on how it is decoded in pieces. A
        turn that is yielded soon after its end, and is at most a minute long, is embedded without
        decoding its audio again. Raises `AudioError`, and `SegmenterUnavailable` as `load` does.
        """
