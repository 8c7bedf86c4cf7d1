"""Erases a person or a recording, and lists what that deletes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.people import speakers
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import videos


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """The number of rows of one kind that were deleted, or would be."""

    what: str
    rows: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing somebody or something deleted, or would delete."""

    subject: str
    rows: tuple[ErasedRows, ...]
    dry_run: bool

    def count(self, what: str) -> int:
        """The number of rows of one kind."""
        return next((each.rows for each in self.rows if each.what == what), 0)


#: Vectors of the segments that kept labels, exemplars or identify attribute to the person.
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
CROSS JOIN LATERAL pgvoice.speaker_segments(:name, p.encoder_id) AS f
JOIN pgvoice.video AS v ON v.key = f.video
WHERE p.speaker_id = :id
"""
_IN_SEGMENTS = (
    "embedding IS NOT NULL AND (video_id, start_ms, end_ms, encoder_id) IN"
    " (SELECT video_id, start_ms, end_ms, encoder_id FROM pg_temp.erased_segment)"
)
#: A calibration uses everybody who is enrolled, to compare with themselves and with others.
_CALIBRATIONS = (
    "encoder_id IN (SELECT encoder_id FROM pgvoice.enrollment WHERE speaker_id = :id)"
    " AND created_at >= (SELECT created_at FROM pgvoice.speaker WHERE id = :id)"
)
_EMPTY_SEGMENTS = (  # noqa: S608 - of constants
    "UPDATE pgvoice.segment_embedding SET embedding = NULL, status = 'erased' WHERE "
) + _IN_SEGMENTS
_DETACH_CALIBRATIONS = (  # noqa: S608 - of constants
    "UPDATE pgvoice.attribution_run SET calibration_id = NULL WHERE calibration_id IN"
    " (SELECT id FROM pgvoice.calibration WHERE "
) + f"{_CALIBRATIONS})"
#: What is deleted: its name, the table and a condition; in the order of deletion.
_OF_SPEAKER = {
    "labels": ("attribution", "speaker_id = :id"),
    "labels with the person as runner-up": ("attribution", "runner_up_id = :id"),
    "kept comparisons": ("nearest", ":id IN (nearest_id, runner_up_id)"),
    "cohort voices from recordings of the person": (
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
#: The rows that are changed instead of deleted.
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
    "cohort voices from the recording": ("cohort_voice", _COHORTS),
    "labels": ("attribution", "video_id = :id"),
    "kept comparisons": ("nearest", "video_id = :id"),
    "records of fills": ("fill_run", "video_id = :id"),
    "recordings": ("video", "id = :id"),
}


def erase_speaker(
    connection: Connection, name: str, *, with_segments: bool, dry_run: bool
) -> Erasure:
    """Delete a person's exemplars, profiles, labels, calibrations, consents and name.

    `with_segments` also marks their segments as ``erased``, so that no later fill computes them.
    """
    ids: dict[str, object] = {"id": speakers.require(connection, name, lock=True), "name": name}
    connection.execute(text(_SEGMENTS), ids)
    found = [ErasedRows(SEGMENTS, _count(connection, "segment_embedding", _IN_SEGMENTS, ids))]
    found += [ErasedRows(what, _count(connection, *of, ids)) for what, of in _OF_SPEAKER.items()]
    if not with_segments:
        found[0] = ErasedRows(f"{SEGMENTS} that are kept", found[0].rows)
    done = Erasure(name, tuple(found), dry_run)
    if not dry_run:
        if with_segments:
            connection.execute(text(_EMPTY_SEGMENTS))
        connection.execute(text(_DETACH_CALIBRATIONS), ids)
        for what, (table, where) in _OF_SPEAKER.items():
            deletion = f"DELETE FROM pgvoice.{table} WHERE {where}"  # noqa: S608
            connection.execute(text(_CHANGED.get(what, deletion)), ids)
        _record(connection, "erase speaker", done)
    connection.execute(text("DROP TABLE pg_temp.erased_segment"))
    return done


#: Two random numbers of 122 bits.
_KEY = """
INSERT INTO pgvoice.opt_out_key (key)
VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) ON CONFLICT DO NOTHING
"""


def keep_opt_out(connection: Connection, name: str, *, voice: bool) -> None:
    """Note that a speaker, who is erased next, opted out. Raises `UnknownSpeaker`."""
    ids: dict[str, object] = {"speaker": speakers.require(connection, name), "name": name}
    connection.execute(text(_KEY))
    ids["opt_out"] = connection.scalar(
        text(
            "INSERT INTO pgvoice.opt_out AS o (name_hash)"
            " VALUES (pgvoice_internal.name_hash(:name))"
            " ON CONFLICT (name_hash) DO UPDATE SET created_at = o.created_at RETURNING id"
        ),
        ids,
    )
    if voice:
        connection.execute(
            text(
                "INSERT INTO pgvoice.opt_out_voice (opt_out_id, encoder_id, dimension, embedding)"
                " SELECT :opt_out, encoder_id, dimension, embedding FROM pgvoice.profile"
                " WHERE speaker_id = :speaker ON CONFLICT (opt_out_id, encoder_id)"
                " DO UPDATE SET embedding = EXCLUDED.embedding"
            ),
            ids,
        )
    audit.record(connection, "opt out", f"opt-out {ids['opt_out']}", voice=voice)


def erase_video(connection: Connection, key: str, *, dry_run: bool) -> Erasure:
    """Delete a recording with everything about it; exemplars that were taken from it are kept."""
    ids: dict[str, object] = {"id": videos.require(connection, key)}
    found = [ErasedRows(what, _count(connection, *of, ids)) for what, of in _OF_VIDEO.items()]
    found.append(
        ErasedRows(
            "exemplars that are kept", _count(connection, "enrollment", "video_id = :id", ids)
        )
    )
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
    counts = {each.what: each.rows for each in done.rows if each.rows}
    audit.record(connection, action, done.subject, **counts)
