"""Unknown voices, what helps to decide about them, and what was decided."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from pgvoice.cli.serve.api.shapes.enrolling import ConsentGiven
from pgvoice.cli.serve.api.shapes.fields import (
    Asked,
    DryRun,
    Force,
    Name,
    Number,
    Phrase,
    Shown,
    Similarity,
    Video,
)


def _different(numbers: list[int]) -> list[int]:
    if len(set(numbers)) < len(numbers):
        raise ValueError("a number is given twice")
    return numbers


class Clip(Shown):
    """A part of a recording to listen to: `/clips` plays it."""

    video: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")


class UnknownVoice(Shown):
    """Voices of several recordings linked as one person without a name."""

    number: int = Field(examples=[12])
    voices: int = Field(description="Labels of recordings that are linked.")
    recordings: int
    seconds: float = Field(description="Of clear speech, in seconds.")
    heard_at: datetime = Field(description="When a voice joined last.")
    last_video: str
    nearest: str | None = Field(description="The person with the most similar profile.")
    similarity: Similarity
    suggested: bool = Field(description="Whether `accept_suggestion` takes that person.")
    dismissed_as: str | None = Field(examples=["tv"])
    encoder: str


class QueuedVoice(UnknownVoice):
    """An unknown voice that waits for an answer."""

    rival: str | None
    rival_similarity: Similarity
    uncertainty: float = Field(description="How open it is who that is, from 0.5 to 1.")
    speech_seconds: float = Field(description="Speech that an answer would name, in seconds.")


class Queue(Shown):
    """What to decide next, first what an answer would name most of."""

    items: list[QueuedVoice]
    voices: int = Field(description="All that are in the queue.")
    speech_seconds: float = Field(description="All their speech, in seconds.")


class NearPerson(Shown):
    """A person whom an unknown voice resembles."""

    speaker: str
    similarity: Similarity
    suggested: bool
    sample: Clip | None


class NearVoice(Shown):
    """Another unknown voice that may be the same person."""

    number: int
    similarity: Similarity
    recordings: int
    seconds: float = Field(description="Of clear speech, in seconds.")
    speech_seconds: float = Field(description="Of all speech, in seconds.")


class SpokenTurn(Shown):
    """A turn with its text, where the store keeps text."""

    video: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    label: str | None
    is_voice: bool
    near_clip: bool
    text: str


class VoiceCard(Shown):
    """What there is to hear, read and compare of an unknown voice."""

    voice: QueuedVoice
    clips: list[Clip]
    people: list[NearPerson]
    others: list[NearVoice]
    turns: list[SpokenTurn]


class VoiceAppearance(Shown):
    """A voice of one recording that belongs to an unknown voice."""

    video: str
    label: str
    encoder: str
    segments: int
    seconds: float = Field(description="Of clear speech, in seconds.")
    first_start: float = Field(description="When it first speaks, in seconds.")
    clip: tuple[float, float] | None = Field(description="The best to listen to, in seconds.")
    similarity: Similarity


class VoiceSuggestion(Shown):
    """A person who may be an unknown voice."""

    number: int
    speaker: str
    similarity: Similarity
    rival: str | None
    rival_similarity: Similarity
    seconds: float = Field(description="Of clear speech, in seconds.")
    recordings: int
    encoder: str


class LabelMove(Shown):
    """Segments whose label changes in the same way."""

    from_speaker: str | None
    from_reason: str | None
    to_speaker: str | None
    to_reason: str
    segments: int
    seconds: float = Field(description="In seconds.")
    video_count: int
    videos: list[str] = Field(description="Up to 20 of them, the longest first.")


class Change(Shown):
    """What an act changed, or would change."""

    act: int | None = Field(description="To undo it; null if nothing was changed.")
    number: int = Field(description="The unknown voice; of several that became one, that one.")
    voices: int = Field(description="Voices of recordings that it is about.")
    moves: list[LabelMove]


class Naming(Change):
    """What naming an unknown voice changed, or would change."""

    speaker: str
    exemplars: list[Clip] = Field(description="What the person was enrolled with.")
    left_out: int = Field(description="Voices that do not sound enough like the others.")


class NameVoice(Asked):
    """Give an unknown voice a name."""

    speaker: Name
    consent: ConsentGiven | Phrase | None = None
    force: Force = False
    dry_run: DryRun = False


class Decide(Asked):
    """Decide about an unknown voice."""

    dry_run: DryRun = False


class Reject(Decide):
    """Say that an unknown voice is not the person suggested."""

    speaker: Annotated[
        Name | None, Field(description="Refused if somebody else is suggested by now.")
    ] = None


class Accept(Reject):
    """Name an unknown voice as suggested."""

    force: Force = False


class Dismiss(Decide):
    """Say what an unknown voice is that nobody names."""

    why: Annotated[Phrase, Field(description="What it is.", examples=["tv"])]


class SameVoices(Decide):
    """Say that unknown voices are one person."""

    numbers: Annotated[
        list[Number],
        Field(min_length=2, max_length=100, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_different),
    ]


class DifferentVoice(Decide):
    """Say that the voices in a recording are somebody else."""

    video: Video
