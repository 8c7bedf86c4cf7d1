"""``Decoder``: the port that `probe` and `cut` decode through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from pgvoice.hooks.encoders.encoder import Waveform


class Range(NamedTuple):
    """Samples `start` up to, not including, `stop`."""

    start: int
    stop: int


class Decoder(Protocol):
    """An open file: mono samples at its own rate, in ascending order, once."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    def count_samples(self) -> int:
        """Per channel, without decoding all of them; `AudioTruncated` where the end is missing.

        Instead of `blocks`, not before it.
        """
        ...

    def blocks(self, wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
        """(position, samples) that hold at least `wanted`, which is ascending and disjoint.

        The samples at a position never depend on what is wanted. Ends where the audio ends.
        """
        ...

    def close(self) -> None: ...
