"""``Turn``: a stretch of speech as a pipeline or a reference passes it on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """Who speaks from when to when; nothing checks that the times are valid."""

    #: Seconds; may be NaN, negative or after `end`.
    start: float
    #: Seconds.
    end: float
    #: The diarizer's or the reference's name for the speaker, such as ``SPEAKER_00``.
    label: str | None = None
    text: str | None = None
