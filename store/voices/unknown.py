"""Unknown voices and where they are heard: what a list of them shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pgvoice.store.recordings.encoders import ASKED, ENCODER_LABEL

_UNKNOWN = text(
    "SELECT number, voices, recordings, seconds, heard_at, last_video, nearest, similarity,"  # noqa: S608
    f" suggested, dismissed_as, {ENCODER_LABEL} FROM pgvoice.unknown_voices("
    f":dismissed, {ASKED}, :limit, :skip)"
)
_APPEARANCES = (
    "SELECT a.video, a.label, a.encoder, a.segments, a.seconds, a.first_start_s, a.clip_start_s,"  # noqa: S608
    " a.clip_end_s, v.source, a.similarity FROM pgvoice.voice_appearances("
    f":number, {ASKED}%s) AS a"
    " JOIN pgvoice.video AS v ON v.key = a.video ORDER BY %s"
)
_IN_ORDER = text(_APPEARANCES % ("", "a.video, a.first_start_s, a.label LIMIT :limit OFFSET :skip"))
_TYPICAL = text(
    _APPEARANCES % (", :limit", "a.similarity DESC NULLS LAST, a.video, a.first_start_s, a.label")
)
_SUGGESTIONS = text(
    "SELECT number, speaker, similarity, rival, rival_similarity, seconds, recordings,"  # noqa: S608
    f" {ENCODER_LABEL} FROM pgvoice.suggestions({ASKED}) LIMIT :limit OFFSET :skip"
)


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
    #: Whose vectors this is from.
    encoder: str


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
    #: Whose vectors this is from.
    encoder: str


def unknown(
    connection: Connection,
    encoder_id: int | None,
    *,
    dismissed: bool,
    limit: int | None = None,
    skip: int = 0,
) -> list[UnknownVoice]:
    """The unknown voices, those with the most speech first."""
    values = {"dismissed": dismissed, "encoder": encoder_id, "limit": limit, "skip": skip}
    rows = connection.execute(_UNKNOWN, values)
    return [UnknownVoice(*row) for row in rows]


def appearances(
    connection: Connection,
    number: int,
    encoder_id: int | None,
    *,
    limit: int | None = None,
    skip: int = 0,
) -> list[VoiceAppearance]:
    """Where an unknown voice is heard, by recording and time."""
    values = {"number": number, "encoder": encoder_id, "limit": limit, "skip": skip}
    return [_appearance(row) for row in connection.execute(_IN_ORDER, values)]


def typical(
    connection: Connection, number: int, encoder_id: int | None, limit: int
) -> list[VoiceAppearance]:
    """Where an unknown voice is heard and sounds most like itself elsewhere, the best first."""
    values = {"number": number, "encoder": encoder_id, "limit": limit}
    return [_appearance(row) for row in connection.execute(_TYPICAL, values)]


def _appearance(row: Row[Any]) -> VoiceAppearance:
    return VoiceAppearance(
        video=row.video,
        label=row.label,
        encoder=row.encoder,
        segments=row.segments,
        seconds=row.seconds,
        first_start=row.first_start_s,
        clip=None if row.clip_start_s is None else (row.clip_start_s, row.clip_end_s),
        source=row.source,
        similarity=row.similarity,
    )


def suggestions(
    connection: Connection, encoder_id: int | None, *, limit: int | None = None, skip: int = 0
) -> list[VoiceSuggestion]:
    """Which unknown voices may be somebody who is enrolled."""
    rows = connection.execute(_SUGGESTIONS, {"encoder": encoder_id, "limit": limit, "skip": skip})
    return [VoiceSuggestion(*row) for row in rows]
