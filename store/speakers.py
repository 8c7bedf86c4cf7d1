"""Speakers, the exemplars they are enrolled with, and the profiles made of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from pgvoice.store import audit
from pgvoice.store.encoders import StoredEncoder
from pgvoice.store.errors import NoEmbedding, SpeakerExists, UnknownSpeaker
from pgvoice.store.keys import SegmentKey
from pgvoice.store.models import EMBEDDED_STATUSES
from pgvoice.store.names import checked
from pgvoice.store.segments import Embedding, read


@dataclass(frozen=True, slots=True, eq=False)
class Exemplar:
    """One span of speech to enroll somebody with, already embedded."""

    #: Shape ``(dimension,)``, float32, unit length.
    embedding: Embedding
    audio_sha256: str
    span: SegmentKey
    #: File or video, for people.
    source: str


@dataclass(frozen=True, slots=True)
class Enrollment:
    """What an enrollment came to."""

    speaker: str
    added: int
    #: Exemplars that the speaker had already.
    known: int
    #: Exemplars in the profile now.
    exemplars: int
    #: Mean similarity of the exemplars to the profile, in [-1, 1].
    cohesion: float


@dataclass(frozen=True, slots=True)
class SpeakerSummary:
    """A speaker's profile with one encoder; encoder and figures are empty for an empty profile."""

    speaker: str
    encoder: str | None
    exemplars: int
    seconds: float
    cohesion: float | None
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class StoredExemplar:
    """An exemplar as the store has it."""

    encoder: str
    source: str
    #: Seconds in the source.
    start: float
    end: float
    #: To the speaker's profile, in [-1, 1].
    similarity: float | None
    excluded: bool


def enroll(
    connection: Connection, name: str, encoder: StoredEncoder, exemplars: Sequence[Exemplar]
) -> Enrollment:
    """Add exemplars to a speaker, created if new, and renew the profile.

    Raises `ValueError` for an empty name and for no exemplars at all.
    """
    if not exemplars:
        raise ValueError(f"no exemplars to enroll {name!r} with")
    speaker_id = _ensure(connection, name)
    added = connection.execute(
        text(
            "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding,"
            " start_ms, end_ms, audio_sha256, source) SELECT :speaker, :encoder, :dimension,"
            " CAST(:embedding AS real[]), :start_ms, :end_ms, :sha256, :source"
            " ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING"
        ),
        [
            {
                "speaker": speaker_id,
                "encoder": encoder.id,
                "dimension": encoder.identity.dimension,
                "embedding": exemplar.embedding.tolist(),
                "start_ms": exemplar.span.start_ms,
                "end_ms": exemplar.span.end_ms,
                "sha256": exemplar.audio_sha256,
                "source": exemplar.source,
            }
            for exemplar in exemplars
        ],
    ).rowcount
    return _enrolled(connection, name, speaker_id, encoder, added, len(exemplars) - added)


def enroll_segments(
    connection: Connection,
    name: str,
    encoder: StoredEncoder,
    video: str,
    keys: Sequence[SegmentKey],
) -> Enrollment:
    """Add stored segments of a video to a speaker; their vectors never leave the database.

    Raises `NoEmbedding` when one of them has no vector.
    """
    rows = read(connection, video, encoder.identity, keys)
    unusable = [
        ((key.start_s, key.end_s), rows[key].status if key in rows else "missing")
        for key in keys
        if key not in rows or rows[key].status not in EMBEDDED_STATUSES
    ]
    if unusable or not keys:
        raise NoEmbedding(video, unusable)
    speaker_id = _ensure(connection, name)
    added = connection.execute(
        text(
            "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding,"
            " start_ms, end_ms, audio_sha256, video_id, source)"
            " SELECT DISTINCT CAST(:speaker AS bigint), s.encoder_id, s.dimension,"
            " s.embedding, s.start_ms, s.end_ms, v.audio_sha256, v.id, v.key"
            " FROM unnest(CAST(:starts AS integer[]), CAST(:ends AS integer[])) AS a(s_ms, e_ms)"
            " JOIN pgvoice.video v ON v.key = :video"
            " JOIN pgvoice.segment_embedding s ON s.video_id = v.id AND s.start_ms = a.s_ms"
            " AND s.end_ms = a.e_ms AND s.encoder_id = :encoder"
            " ON CONFLICT ON CONSTRAINT enrollment_span_key DO NOTHING"
        ),
        {
            "speaker": speaker_id,
            "encoder": encoder.id,
            "video": video,
            "starts": [key.start_ms for key in keys],
            "ends": [key.end_ms for key in keys],
        },
    ).rowcount
    return _enrolled(connection, name, speaker_id, encoder, added, len(set(keys)) - added)


def rename(connection: Connection, name: str, new_name: str) -> None:
    """Give a speaker another name. Raises `UnknownSpeaker`, `SpeakerExists`."""
    speaker_id = require(connection, name, lock=True)
    try:
        connection.execute(
            text("UPDATE pgvoice.speaker SET name = :name WHERE id = :id"),
            {"name": checked(new_name, "a speaker's name"), "id": speaker_id},
        )
    except IntegrityError as error:
        raise SpeakerExists(new_name) from error
    audit.record(connection, "rename", name, to=new_name)


def merge(connection: Connection, name: str, into: str) -> None:
    """Make two speakers one: what is `name`'s goes to `into`, whose profiles are renewed.

    Raises `UnknownSpeaker`, and `ValueError` for a speaker merged into itself.
    """
    if name == into:
        raise ValueError(f"{name!r} cannot be merged into itself")
    # In the order of ids, as everybody who locks several.
    connection.execute(
        text("SELECT FROM pgvoice.speaker WHERE name IN (:name, :into) ORDER BY id FOR UPDATE"),
        {"name": name, "into": into},
    )
    ids = {"gone": require(connection, name), "kept": require(connection, into)}
    for statement in _MERGE:
        connection.execute(text(statement), ids)
    for (encoder_id,) in connection.execute(
        text("SELECT DISTINCT encoder_id FROM pgvoice.enrollment WHERE speaker_id = :kept"), ids
    ).all():
        _refresh(connection, ids["kept"], encoder_id)
    audit.record(connection, "merge", name, into=into)


_MERGE = (
    # An exemplar that both have stays with the speaker that is kept.
    "UPDATE pgvoice.enrollment e SET speaker_id = :kept WHERE speaker_id = :gone AND NOT EXISTS"
    " (SELECT FROM pgvoice.enrollment k WHERE k.speaker_id = :kept AND"
    " (k.encoder_id, k.audio_sha256, k.start_ms, k.end_ms)"
    " = (e.encoder_id, e.audio_sha256, e.start_ms, e.end_ms))",
    "UPDATE pgvoice.attribution SET speaker_id = :kept WHERE speaker_id = :gone",
    "UPDATE pgvoice.attribution SET runner_up_id = :kept WHERE runner_up_id = :gone",
    # Nobody is second to themselves.
    "UPDATE pgvoice.attribution SET runner_up_id = NULL, margin = NULL"
    " WHERE speaker_id = :kept AND runner_up_id = :kept",
    "UPDATE pgvoice.consent SET speaker_id = :kept WHERE speaker_id = :gone",
    "DELETE FROM pgvoice.speaker WHERE id = :gone",
)


def remove(connection: Connection, name: str) -> int:
    """Delete a speaker with exemplars and profiles; returns how many exemplars went.

    Raises `UnknownSpeaker`.
    """
    ids = {"id": require(connection, name, lock=True)}
    exemplars: int = connection.scalar(
        text("SELECT count(*) FROM pgvoice.enrollment WHERE speaker_id = :id"), ids
    )
    connection.execute(text("DELETE FROM pgvoice.speaker WHERE id = :id"), ids)
    audit.record(connection, "remove", name, exemplars=exemplars)
    return exemplars


def summaries(connection: Connection) -> list[SpeakerSummary]:
    """Every speaker, one row per encoder that has a profile of theirs, by name."""
    rows = connection.execute(
        text(
            "SELECT s.name, e.label, coalesce(p.exemplars, 0),"
            " coalesce((SELECT sum(x.end_ms - x.start_ms) / 1000.0 FROM pgvoice.enrollment x"
            " WHERE x.speaker_id = s.id AND x.encoder_id = p.encoder_id AND NOT x.excluded), 0),"
            " p.cohesion, s.created_at FROM pgvoice.speaker s"
            " LEFT JOIN pgvoice.profile p ON p.speaker_id = s.id"
            " LEFT JOIN pgvoice.encoder e ON e.id = p.encoder_id ORDER BY s.name, e.id"
        )
    )
    return [
        SpeakerSummary(speaker, encoder, exemplars, float(seconds), cohesion, enrolled_at)
        for speaker, encoder, exemplars, seconds, cohesion, enrolled_at in rows
    ]


def exemplars(connection: Connection, name: str) -> list[StoredExemplar]:
    """A speaker's exemplars, least similar to the profile first. Raises `UnknownSpeaker`."""
    speaker_id = require(connection, name)
    rows = connection.execute(
        text(
            "SELECT encoder, source, start_ms, end_ms, similarity, excluded"
            " FROM pgvoice.exemplar_similarity(:id)"
        ),
        {"id": speaker_id},
    )
    return [
        StoredExemplar(encoder, source, start_ms / 1000, end_ms / 1000, similarity, excluded)
        for encoder, source, start_ms, end_ms, similarity, excluded in rows
    ]


def require(connection: Connection, name: str, *, lock: bool = False) -> int:
    """The id of a speaker, kept from others' changes on request; raises `UnknownSpeaker`."""
    statement = "SELECT id FROM pgvoice.speaker WHERE name = :name"
    if lock:
        statement += " FOR UPDATE"
    speaker_id: int | None = connection.scalar(text(statement), {"name": name})
    if speaker_id is None:
        raise UnknownSpeaker(name)
    return speaker_id


def _ensure(connection: Connection, name: str) -> int:
    """The id of a speaker, created if new, locked so that enrollments take turns.

    Not against whoever only refers to the speaker: nobody waits for labels that are being made.
    """
    named = {"name": checked(name, "a speaker's name")}
    connection.execute(
        text("INSERT INTO pgvoice.speaker (name) VALUES (:name) ON CONFLICT DO NOTHING"), named
    )
    connection.execute(
        text("SELECT FROM pgvoice.speaker WHERE name = :name FOR NO KEY UPDATE"), named
    )
    return require(connection, name)


def _refresh(connection: Connection, speaker_id: int, encoder_id: int) -> None:
    connection.execute(
        text("SELECT pgvoice.refresh_profile(:speaker, :encoder)"),
        {"speaker": speaker_id, "encoder": encoder_id},
    )


def _enrolled(
    connection: Connection,
    name: str,
    speaker_id: int,
    encoder: StoredEncoder,
    added: int,
    known: int,
) -> Enrollment:
    _refresh(connection, speaker_id, encoder.id)
    exemplars, cohesion = connection.execute(
        text(
            "SELECT exemplars, cohesion FROM pgvoice.profile"
            " WHERE speaker_id = :speaker AND encoder_id = :encoder"
        ),
        {"speaker": speaker_id, "encoder": encoder.id},
    ).one()
    audit.record(connection, "enroll", name, encoder=str(encoder.identity), added=added)
    return Enrollment(name, added, known, exemplars, cohesion)
