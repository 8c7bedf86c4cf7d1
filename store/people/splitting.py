"""Splitting a speaker: moves exemplars that are somebody else's to that person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.errors import NothingToSplit, UnknownExemplar
from pgvoice.store.people import enrollments, quality, speakers
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import encoders


@dataclass(frozen=True, slots=True)
class MovedExemplar:
    """An exemplar that was moved to another speaker, or would be."""

    number: int
    encoder: str
    source: str
    #: Seconds in the source.
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Split:
    """What splitting a speaker changed, or would change."""

    speaker: str
    into: str
    moved: tuple[MovedExemplar, ...]
    #: How many exemplars the speaker keeps.
    left: int
    #: How many labels changed in the recordings that were labelled with the speaker.
    labels: int
    #: None for a dry run.
    act: int | None = None


def split(
    connection: Connection,
    name: str,
    into: str,
    *,
    videos: Sequence[str],
    exemplars: Sequence[int],
    suggested_by: int | None,
    force: bool,
) -> Split:
    """Move exemplars of `name` to `into`, created if new, and judge the labels of `name` again.

    Chosen are those of recordings or files, those with a number, and, if an encoder's id is given,
    the group that differs most by its vectors; each span with every encoder.
    """
    if name == into:
        raise ValueError(f"{name!r} cannot be split into the same name")
    kept = enrollments.ensure(connection, into)
    ids = {"from": speakers.require(connection, name, lock=True), "into": kept}
    chosen = {*exemplars, *_of_videos(connection, name, ids["from"], videos)}
    if suggested_by is not None:
        chosen |= _suggested(connection, name, ids["from"], suggested_by)
    moved = _moving(connection, name, ids["from"], chosen)
    audit.record(connection, "split", name, into=into, exemplars=len(moved), forced=force)
    values = {**ids, "ids": [each.number for each in moved]}
    for statement in _MOVE:
        connection.execute(text(statement), values)
    for encoder in encoders.stored(connection):
        if str(encoder.identity) in {each.encoder for each in moved}:
            if not force:
                quality.require_coherent(connection, into, kept, encoder)
            enrollments.refresh(connection, name, ids["from"], encoder.id)
            enrollments.refresh(connection, into, kept, encoder.id)
    left: int = connection.scalar(text(_LEFT), ids)
    labels: int = connection.scalar(text(_RELABEL), ids)
    return Split(name, into, moved, left, labels)


def _of_videos(
    connection: Connection, name: str, speaker_id: int, videos: Sequence[str]
) -> set[int]:
    found: set[int] = set()
    for video in videos:
        ids = connection.scalars(text(_OF_VIDEO), {"speaker": speaker_id, "video": video}).all()
        if not ids:
            raise NothingToSplit(
                f"no exemplar of {name!r} is from {video!r}: `pgvoice enroll show` lists them"
            )
        found.update(ids)
    return found


def _suggested(connection: Connection, name: str, speaker_id: int, encoder_id: int) -> set[int]:
    """The smaller of the two groups that differ most, if they do not sound like one person."""
    similarity, apart, needed = connection.execute(
        text(_SUGGESTED), {"speaker": speaker_id, "encoder": encoder_id}
    ).one()
    if not apart or similarity >= needed:
        raise NothingToSplit(
            f"the exemplars of {name!r} sound like one person (the two groups that differ most have"
            f" a similarity of {similarity:.3f}; different people stay below {needed:.3f}): choose"
            " those to move with --video or --exemplar"
        )
    return set(apart)


def _moving(
    connection: Connection, name: str, speaker_id: int, chosen: set[int]
) -> tuple[MovedExemplar, ...]:
    values = {"speaker": speaker_id, "ids": sorted(chosen)}
    rows = connection.execute(text(_MOVING), values).all()
    moving = tuple(MovedExemplar(*row[:5]) for row in rows if row.moving)
    for number in chosen - {each.number for each in moving}:
        raise UnknownExemplar(number)
    if not moving:
        raise NothingToSplit(f"no exemplars of {name!r} to move: choose some")
    if len(moving) == len(rows):
        raise NothingToSplit(
            f"all exemplars of {name!r} would be moved: `pgvoice enroll rename` gives the person"
            " another name, and `pgvoice enroll merge` adds them to somebody"
        )
    return moving


_OF_VIDEO = """
SELECT e.id FROM pgvoice.enrollment AS e
LEFT JOIN pgvoice.video AS v ON v.id = e.video_id
WHERE e.speaker_id = :speaker AND :video IN (e.source, v.key)
"""
_SUGGESTED = """
SELECT similarity, apart, pgvoice_internal.one_person(:encoder)
FROM pgvoice_internal.coherence(:speaker, :encoder)
"""
_MOVING = """
SELECT e.id, n.label, e.source, e.start_ms / 1000::float8, e.end_ms / 1000::float8,
    (e.audio_sha256, e.start_ms, e.end_ms) IN (
        SELECT c.audio_sha256, c.start_ms, c.end_ms FROM pgvoice.enrollment AS c
        WHERE c.speaker_id = :speaker AND c.id = ANY (CAST(:ids AS bigint[]))
    ) AS moving
FROM pgvoice.enrollment AS e JOIN pgvoice.encoder AS n ON n.id = e.encoder_id
WHERE e.speaker_id = :speaker
ORDER BY n.id, e.id
"""
# An exemplar that `into` already has is deleted.
_MOVE = (
    "UPDATE pgvoice.enrollment e SET speaker_id = :into WHERE id = ANY (CAST(:ids AS bigint[]))"
    " AND NOT EXISTS (SELECT FROM pgvoice.enrollment k WHERE k.speaker_id = :into AND"
    " (k.encoder_id, k.audio_sha256, k.start_ms, k.end_ms)"
    " = (e.encoder_id, e.audio_sha256, e.start_ms, e.end_ms))",
    "DELETE FROM pgvoice.enrollment WHERE speaker_id = :from AND id = ANY (CAST(:ids AS bigint[]))",
)
_LEFT = "SELECT count(*) FROM pgvoice.enrollment WHERE speaker_id = :from"
_RELABEL = """
SELECT coalesce(sum(k.segments) FILTER (WHERE k.outcome = 'changed'), 0)::bigint
FROM (
    SELECT l.encoder_id, array_agg(DISTINCT l.video) AS videos
    FROM pgvoice.label AS l JOIN pgvoice.speaker AS s ON s.name IN (l.speaker, l.runner_up)
    WHERE s.id = :from
    GROUP BY l.encoder_id
) AS named
CROSS JOIN LATERAL pgvoice.keep_labels(
    videos => named.videos, encoder => named.encoder_id, only_labelled => true
) AS k
"""
