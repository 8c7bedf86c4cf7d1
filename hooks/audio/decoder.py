"""``Decoder``: the port to an open audio file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from pgvoice.hooks.encoders.encoder import Waveform


class Range(NamedTuple):
    """Samples from `start` up to, but not including, `stop`."""

    start: int
    stop: int


class Decoder(Protocol):
    """An open file: mono samples at its own rate, in ascending order."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    def count_samples(self) -> int:
        """Samples per channel, counted without decoding all of them.

        Raises `AudioTruncated` if the end of the audio is missing.
        """
        ...

    def blocks(self, wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
        """(position, samples) that contain at least `wanted`, which is ascending and disjoint.

        The samples at a position never depend on what is wanted. Ends where the audio ends; each
        call starts over.
        """
        ...

    def close(self) -> None: ...
