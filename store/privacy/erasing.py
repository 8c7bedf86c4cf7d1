"""Erasing a person or a recording: every row, told before it goes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.people import speakers
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import videos


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """Rows of one kind that go, or would."""

    what: str
    rows: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing came to, or would come to."""

    subject: str
    rows: tuple[ErasedRows, ...]
    dry_run: bool

    def count(self, what: str) -> int:
        return next((each.rows for each in self.rows if each.what == what), 0)


#: Vectors of segments: kept labels, exemplars and identification give them to the person.
SEGMENTS = "vectors of segments"
_SEGMENTS = """
CREATE TEMPORARY TABLE erased_segment ON COMMIT DROP AS
SELECT a.video_id, a.start_ms, a.end_ms, a.encoder_id FROM pgvoice.attribution AS a
WHERE a.speaker_id = :id AND a.current
UNION
SELECT x.video_id, x.start_ms, x.end_ms, x.encoder_id FROM pgvoice.enrollment AS x
WHERE x.speaker_id = :id AND x.video_id IS NOT NULL
UNION
SELECT v.id, f.start_ms, f.end_ms, p.encoder_id
FROM pgvoice.profile AS p
CROSS JOIN LATERAL pgvoice.speaker_segments_ms(:name, p.encoder_id) AS f
JOIN pgvoice.video AS v ON v.key = f.video
WHERE p.speaker_id = :id
"""
_IN_SEGMENTS = (
    "embedding IS NOT NULL AND (video_id, start_ms, end_ms, encoder_id) IN"
    " (SELECT video_id, start_ms, end_ms, encoder_id FROM pg_temp.erased_segment)"
)
#: Everybody who is enrolled takes part in a calibration, as themselves or as somebody else.
_CALIBRATIONS = (
    "encoder_id IN (SELECT encoder_id FROM pgvoice.enrollment WHERE speaker_id = :id)"
    " AND created_at >= (SELECT created_at FROM pgvoice.speaker WHERE id = :id)"
)
_EMPTY_SEGMENTS = (  # noqa: S608 - of constants
    "UPDATE pgvoice.segment_embedding SET embedding = NULL, status = 'erased' WHERE "
) + _IN_SEGMENTS
_LET_GO_OF_CALIBRATIONS = (  # noqa: S608 - of constants
    "UPDATE pgvoice.attribution_run SET calibration_id = NULL WHERE calibration_id IN"
    " (SELECT id FROM pgvoice.calibration WHERE "
) + f"{_CALIBRATIONS})"
#: By what it is, the table and which of its rows; in the order in which they go.
_OF_SPEAKER = {
    "labels": ("attribution", "speaker_id = :id"),
    "labels with the person as runner-up": ("attribution", "runner_up_id = :id"),
    "kept comparisons": ("nearest", ":id IN (nearest_id, runner_up_id)"),
    "voices of cohorts that may have heard the person": (
        "cohort_voice",
        "calibration_id IN (SELECT k.calibration_id FROM pgvoice.cohort_voice AS k JOIN"
        " pg_temp.erased_segment AS e ON e.video_id = ANY (k.video_ids))",
    ),
    "calibrations": ("calibration", _CALIBRATIONS),
    "exemplars": ("enrollment", "speaker_id = :id"),
    "profiles": ("profile", "speaker_id = :id"),
    "consents": ("consent", "speaker_id = :id"),
    "names": ("speaker", "id = :id"),
}
#: What is changed, and does not go.
_CHANGED = {
    "labels with the person as runner-up": "UPDATE pgvoice.attribution"
    " SET runner_up_id = NULL, margin = NULL WHERE runner_up_id = :id",
}
_COHORTS = (
    "calibration_id IN (SELECT k.calibration_id FROM pgvoice.cohort_voice AS k"
    " WHERE :id = ANY (k.video_ids))"
)
_OF_VIDEO = {
    "segments": ("segment_embedding", "video_id = :id"),
    "voices of cohorts that heard it": ("cohort_voice", _COHORTS),
    "labels": ("attribution", "video_id = :id"),
    "kept comparisons": ("nearest", "video_id = :id"),
    "fills' records": ("fill_run", "video_id = :id"),
    "recordings": ("video", "id = :id"),
}
_STAYING = "exemplars that stay with their people"


def erase_speaker(
    connection: Connection, name: str, *, with_segments: bool, dry_run: bool
) -> Erasure:
    """Delete a person with everything that was derived from their voice.

    Exemplars, profiles, labels, calibrations that they took part in, consents and the name; with
    `with_segments` also the vectors of the segments that are theirs, whose rows stay as ``erased``,
    so that no later fill computes them again. The audit trail keeps that it was done. Raises
    `UnknownSpeaker`.
    """
    ids: dict[str, object] = {"id": speakers.require(connection, name, lock=True), "name": name}
    connection.execute(text(_SEGMENTS), ids)
    found = [ErasedRows(SEGMENTS, _count(connection, "segment_embedding", _IN_SEGMENTS, ids))]
    found += [ErasedRows(what, _count(connection, *of, ids)) for what, of in _OF_SPEAKER.items()]
    if not with_segments:
        found[0] = ErasedRows(f"{SEGMENTS} that stay", found[0].rows)
    done = Erasure(name, tuple(found), dry_run)
    if not dry_run:
        if with_segments:
            connection.execute(text(_EMPTY_SEGMENTS))
        connection.execute(text(_LET_GO_OF_CALIBRATIONS), ids)
        for what, (table, where) in _OF_SPEAKER.items():
            gone = f"DELETE FROM pgvoice.{table} WHERE {where}"  # noqa: S608
            connection.execute(text(_CHANGED.get(what, gone)), ids)
        _record(connection, "erase speaker", done)
    connection.execute(text("DROP TABLE pg_temp.erased_segment"))
    return done


def erase_video(connection: Connection, key: str, *, dry_run: bool) -> Erasure:
    """Delete a recording with its segments, labels and records of fills.

    Exemplars that were taken from it stay with their people. Raises `UnknownVideo`.
    """
    ids: dict[str, object] = {"id": videos.require(connection, key)}
    found = [ErasedRows(what, _count(connection, *of, ids)) for what, of in _OF_VIDEO.items()]
    found.append(ErasedRows(_STAYING, _count(connection, "enrollment", "video_id = :id", ids)))
    done = Erasure(key, tuple(found), dry_run)
    if not dry_run:
        connection.execute(text(f"DELETE FROM pgvoice.cohort_voice WHERE {_COHORTS}"), ids)  # noqa: S608
        connection.execute(text("DELETE FROM pgvoice.nearest WHERE video_id = :id"), ids)
        connection.execute(text("DELETE FROM pgvoice.video WHERE id = :id"), ids)
        _record(connection, "erase video", done)
    return done


def _count(connection: Connection, table: str, where: str, ids: dict[str, object]) -> int:
    found: int = connection.scalar(
        text(f"SELECT count(*) FROM pgvoice.{table} WHERE {where}"),  # noqa: S608
        ids,
    )
    return found


def _record(connection: Connection, action: str, done: Erasure) -> None:
    audit.record(
        connection,
        action,
        done.subject,
        **{each.what: each.rows for each in done.rows if each.rows},
    )
