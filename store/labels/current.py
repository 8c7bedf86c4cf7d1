"""The current labels of a video, and speaking time from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pgvoice.store.keys import OnGrid


@dataclass(frozen=True, slots=True)
class Label(OnGrid):
    """The current label of a segment."""

    start_ms: int
    end_ms: int
    #: None for nobody known.
    speaker: str | None
    #: Cosine similarity to the nearest person when the label was kept; None for a pin, unless a run
    #: stored it.
    similarity: float | None
    runner_up: str | None
    margin: float | None
    #: As `Identification.reason`; ``pinned`` or ``nobody`` for a pin, ``removed`` for a label
    #: whose speaker was removed.
    reason: str
    pinned: bool
    encoder: str
    run: int
    labelled_at: datetime


@dataclass(frozen=True, slots=True)
class SpeakerTime:
    """How long somebody speaks in a video."""

    #: None for nobody known.
    speaker: str | None
    video: str
    segments: int
    seconds: float
    #: Whose labels these are.
    encoder: str


@dataclass(frozen=True, slots=True)
class NamedSegment(OnGrid):
    """A segment of a recording, and who speaks in it."""

    video: str
    start_ms: int
    end_ms: int
    #: The diarizer's.
    label: str | None
    #: Who has the current label; None if nobody has.
    speaker: str | None
    #: Without a speaker, the number of the unknown voice.
    voice: int | None
    #: Whose labels and voices these are; None while the store has no encoder.
    encoder: str | None
