"""Unknown voices and where they are heard: what a list of them shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class UnknownVoice:
    """Voices of several recordings linked as one person without a name."""

    number: int
    #: How many labels of recordings are linked,
    voices: int
    #: in how many recordings,
    recordings: int
    #: and how long they speak clearly, in seconds.
    seconds: float
    #: When a voice joined last, and in which recording.
    heard_at: datetime
    last_video: str
    #: The enrolled person with the most similar profile; None if nobody is enrolled.
    nearest: str | None
    #: In [-1, 1].
    similarity: float | None
    #: Whether `nearest` is a suggestion that `Voices.accept` takes.
    suggested: bool
    #: What a person said that it is, for example ``tv``.
    dismissed_as: str | None


@dataclass(frozen=True, slots=True)
class VoiceAppearance:
    """A voice of one recording that belongs to an unknown voice."""

    video: str
    #: The diarizer's, or ``?1``, ``?2`` where the store grouped the segments.
    label: str
    encoder: str
    #: Clean segments that it is made of, and their seconds.
    segments: int
    seconds: float
    #: When it first speaks, in seconds.
    first_start: float
    #: The best clip to listen to, in seconds; None if there is none.
    clip: tuple[float, float] | None
    #: The file that the audio was read from last.
    source: str | None
    #: Mean similarity to all voices of the unknown voice, in [-1, 1].
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of a recording to listen to."""

    video: str
    #: The file that the audio was read from last; None if it was never read.
    source: str | None
    #: In seconds.
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class VoiceSuggestion:
    """An enrolled person who may be an unknown voice."""

    number: int
    speaker: str
    #: To the person's profile, in [-1, 1].
    similarity: float
    #: The person who comes second; None if nobody else is enrolled.
    rival: str | None
    rival_similarity: float | None
    #: Of clean speech.
    seconds: float
    recordings: int
