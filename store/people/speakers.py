"""Speakers: list, merge and remove them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError

from pgvoice.store.database.failures import NO_DATA_FOUND, sqlstate
from pgvoice.store.errors import (
    CancellingExemplars,
    LastExemplar,
    UnknownExemplar,
    UnknownSpeaker,
)
from pgvoice.store.names import is_text
from pgvoice.store.people import quality
from pgvoice.store.people.enrollments import refresh
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import encoders
from pgvoice.store.voices import acts


@dataclass(frozen=True, slots=True)
class SpeakerSummary:
    """A speaker's profile with one encoder; encoder and cohesion are None without a profile."""

    speaker: str
    encoder: str | None
    exemplars: int
    seconds: float
    cohesion: float | None
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class Merge:
    """What merging two people changed, or would change."""

    #: None for a dry run.
    act: int | None
    speaker: str
    into: str
    #: How many rows of each table, as `Act.changed`.
    changed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredExemplar:
    """An exemplar that is stored."""

    #: Of no other exemplar, then or later.
    number: int
    encoder: str
    source: str
    #: Seconds in the source.
    start: float
    end: float
    #: Similarity to the speaker's profile, which contains it, in [-1, 1].
    similarity: float | None
    #: Similarity to the mean of those that share no audio with it; None if there are none.
    left_out_similarity: float | None
    #: Share of the span that has speech energy, in [0, 1]; None if not measured.
    quality: float | None
    #: Whether it is kept but left out of the profile.
    excluded: bool
    #: Whether `VoiceStore.people.drop_outliers` would exclude it.
    outlying: bool
    #: The recording in which it can be heard; None if the store has none with this audio.
    video: str | None


@dataclass(frozen=True, slots=True)
class DroppedExemplar:
    """An exemplar that was deleted."""

    source: str
    #: Seconds in the source.
    start: float
    end: float
    #: How many exemplars are left in the profile.
    left: int
    #: None for a dry run.
    act: int | None


def merge(connection: Connection, name: str, into: str, *, force: bool = False) -> None:
    """Give everything of the speaker `name` to `into`, and compute the profiles of `into`."""
    if name == into:
        raise ValueError(f"{name!r} cannot be merged into itself")
    # In the order of ids, so that two transactions cannot block each other.
    connection.execute(
        text("SELECT FROM pgvoice.speaker WHERE name IN (:name, :into) ORDER BY id FOR UPDATE"),
        {"name": name, "into": into},
    )
    ids = {"gone": require(connection, name), "kept": require(connection, into)}
    audit.record(connection, "merge", name, into=into, forced=force)
    moved = set(connection.scalars(text(_MOVE), ids))
    for statement in _MERGE:
        connection.execute(text(statement), ids)
    used = connection.scalars(
        text("SELECT DISTINCT encoder_id FROM pgvoice.enrollment WHERE speaker_id = :kept"), ids
    ).all()
    for encoder in encoders.stored(connection):
        if encoder.id in moved and not force:
            quality.require_coherent(connection, into, ids["kept"], encoder)
        if encoder.id in used:
            refresh(connection, into, ids["kept"], encoder.id)


# An exemplar that `kept` already has is deleted with `gone`.
_MOVE = (
    "UPDATE pgvoice.enrollment e SET speaker_id = :kept WHERE speaker_id = :gone AND NOT EXISTS"
    " (SELECT FROM pgvoice.enrollment k WHERE k.speaker_id = :kept AND"
    " (k.encoder_id, k.audio_sha256, k.start_ms, k.end_ms)"
    " = (e.encoder_id, e.audio_sha256, e.start_ms, e.end_ms)) RETURNING e.encoder_id"
)
_MERGE = (
    "UPDATE pgvoice.attribution SET speaker_id = :kept WHERE speaker_id = :gone",
    "UPDATE pgvoice.attribution SET runner_up_id = :kept WHERE runner_up_id = :gone",
    "UPDATE pgvoice.verdict SET speaker_id = :kept WHERE speaker_id = :gone",
    "UPDATE pgvoice.unknown_voice SET speaker_id = :kept WHERE speaker_id = :gone",
    # A speaker cannot be their own runner-up.
    "UPDATE pgvoice.attribution SET runner_up_id = NULL, margin = NULL"
    " WHERE speaker_id = :kept AND runner_up_id = :kept",
    "INSERT INTO pgvoice.person_span (speaker_id, audio, start_ms, end_ms)"
    " SELECT :kept, audio, start_ms, end_ms FROM pgvoice.person_span WHERE speaker_id = :gone"
    " ON CONFLICT DO NOTHING",
    "DELETE FROM pgvoice.speaker WHERE id = :gone",
)


def remove(connection: Connection, name: str) -> int:
    """Delete a speaker with exemplars and profiles; returns the number of exemplars.

    Vectors of several encoders for the same speech are one exemplar.
    """
    ids = {"id": require(connection, name, lock=True)}
    exemplars: int = connection.scalar(
        text(
            "SELECT count(DISTINCT (audio_sha256, start_ms, end_ms)) FROM pgvoice.enrollment"
            " WHERE speaker_id = :id"
        ),
        ids,
    )
    connection.execute(text("DELETE FROM pgvoice.speaker WHERE id = :id"), ids)
    return exemplars


def drop(connection: Connection, name: str, number: int, *, dry_run: bool) -> DroppedExemplar:
    """Delete an exemplar, and compute the profile from the others."""
    require(connection, name)
    act = None if dry_run else acts.begin(connection, "drop", name, exemplar=number)
    try:
        row = connection.execute(
            text("SELECT * FROM pgvoice.drop_exemplar(:name, :number, :dry_run)"),
            {"name": name, "number": number, "dry_run": dry_run},
        ).one()
    except DBAPIError as error:
        if sqlstate(error) == NO_DATA_FOUND:
            raise UnknownExemplar(number) from None
        if sqlstate(error) == "55000":
            raise LastExemplar(name, number) from None
        if isinstance(error, DataError):
            raise CancellingExemplars(name) from error
        raise
    return DroppedExemplar(*(*row, act))


def summaries(connection: Connection, encoder_id: int | None) -> list[SpeakerSummary]:
    """Every speaker by name, with the profile of an encoder."""
    rows = connection.execute(
        text(
            "SELECT s.name, e.label, coalesce(p.exemplars, 0),"  # noqa: S608
            " pgvoice.exemplar_seconds(s.id, p.encoder_id),"
            " pgvoice.profile_cohesion(s.id, p.encoder_id), s.created_at FROM pgvoice.speaker s"
            " LEFT JOIN pgvoice.profile p ON p.speaker_id = s.id"
            f" AND p.encoder_id = {encoders.ASKED}"
            " LEFT JOIN pgvoice.encoder e ON e.id = p.encoder_id ORDER BY s.name"
        ),
        {"encoder": encoder_id},
    )
    return [SpeakerSummary(*row) for row in rows]


def exemplars(
    connection: Connection, speaker_id: int, limit: int | None, skip: int, encoder_id: int | None
) -> list[StoredExemplar]:
    """A speaker's exemplars, the least similar to the others first."""
    rows = connection.execute(
        text(
            "SELECT x.exemplar, x.encoder, x.source, x.start_ms / 1000::float8,"  # noqa: S608
            " x.end_ms / 1000::float8, x.similarity, x.left_out_similarity, x.quality,"
            " x.excluded, x.outlying, (SELECT v.key FROM pgvoice.video v"
            " WHERE v.audio_sha256 = e.audio_sha256 OR v.id = e.video_id"
            " ORDER BY v.id = e.video_id DESC NULLS LAST, v.id LIMIT 1)"
            f" FROM pgvoice.exemplar_similarity(:id, {encoders.ASKED}) WITH ORDINALITY AS x"
            " JOIN pgvoice.enrollment e ON e.id = x.exemplar ORDER BY x.ordinality"
            " LIMIT :limit OFFSET :skip"
        ),
        {"id": speaker_id, "encoder": encoder_id, "limit": limit, "skip": skip},
    )
    return [StoredExemplar(*row) for row in rows]


def require(connection: Connection, name: str, *, lock: bool = False) -> int:
    """The id of a speaker, locked if asked for; raises `UnknownSpeaker`."""
    if not is_text(name):
        raise UnknownSpeaker(name)
    statement = "SELECT id FROM pgvoice.speaker WHERE name = :name"
    speaker_id: int | None = connection.scalar(
        text(f"{statement} FOR UPDATE" if lock else statement), {"name": name}
    )
    if speaker_id is None:
        raise UnknownSpeaker(name)
    return speaker_id


def known(connection: Connection, names: Iterable[str] | None) -> list[str] | None:
    """The names, of which each belongs to a speaker; None stays None. Raises `UnknownSpeaker`."""
    if names is None:
        return None
    asked = list(names)
    for name in asked:
        require(connection, name)
    return asked
