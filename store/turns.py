"""``Turn``: a stretch of speech as a pipeline or a reference hands it over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """Who speaks from when to when; whether it is a span of time is not checked here."""

    #: Seconds; may be NaN, negative or after `end`.
    start: float
    #: Seconds.
    end: float
    #: The speaker as the diarizer or the reference calls them, such as ``SPEAKER_00``.
    label: str | None = None
    text: str | None = None
