"""Erases a person or a recording, and lists what that deletes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.errors import UnknownSpeaker
from pgvoice.store.names import is_text
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


#: Vectors of every encoder for the person's speech, whose other speakers lose theirs with it.
SEGMENTS = "vectors of segments"
#: What they changed is deleted, and the name in them.
ACTS = "acts that could be undone"
_SPEECH = """
CREATE TEMPORARY TABLE erased_speech ON COMMIT DROP AS
SELECT * FROM pgvoice_internal.speech_of(:id)
"""
_RECORDINGS = """
SELECT v.id FROM pgvoice.video AS v
WHERE v.audio_sha256 IN (SELECT audio FROM pg_temp.erased_speech)
   OR 'video ' || v.id IN (SELECT audio FROM pg_temp.erased_speech)
"""
#: Fills of these recordings wait until the speech is noted as erased.
_HOLD = f"{_RECORDINGS} ORDER BY v.id FOR UPDATE"
#: Turns with the person's name as their label, written in any way.
_NAMED_TURNS = (
    # OFFSET 0 keeps the comparison of names from being made for each turn.
    "label IN (SELECT t.label FROM (SELECT DISTINCT label FROM pgvoice.turn OFFSET 0) AS t WHERE"
    " pgvoice_internal.name_key(t.label) = (SELECT pgvoice_internal.name_key(:name)))"
)
_SEGMENTS = """
CREATE TEMPORARY TABLE erased_segment ON COMMIT DROP AS
SELECT DISTINCT s.video_id, s.start_ms, s.end_ms, s.encoder_id
FROM pg_temp.erased_speech AS t
JOIN (
    SELECT v.id, unnest(ARRAY[v.audio_sha256, 'video ' || v.id]) AS audio FROM pgvoice.video AS v
) AS held ON held.audio = t.audio
JOIN pgvoice.segment_embedding AS s ON s.video_id = held.id
    AND pgvoice_internal.is_same_speech(s.start_ms, s.end_ms, t.start_ms, t.end_ms)
"""
_NOTE_ERASED = """
SELECT pgvoice_internal.erase_speech(:id, array_agg(audio), array_agg(start_ms), array_agg(end_ms))
FROM pg_temp.erased_speech
"""
_IN_SEGMENTS = (
    "embedding IS NOT NULL AND (video_id, start_ms, end_ms, encoder_id) IN"
    " (SELECT video_id, start_ms, end_ms, encoder_id FROM pg_temp.erased_segment)"
)
#: Calibrations of any encoder may have heard whoever was enrolled when they were made.
_CALIBRATIONS = (
    "created_at BETWEEN (SELECT enrolled_from FROM pgvoice.speaker WHERE id = :id)"
    " AND coalesce((SELECT enrolled_until FROM pgvoice.speaker WHERE id = :id), 'infinity')"
)
_EMPTY_SEGMENTS = (  # noqa: S608 - of constants
    "UPDATE pgvoice.segment_embedding SET embedding = NULL, status = 'erased' WHERE "
) + _IN_SEGMENTS
_DETACH_CALIBRATIONS = (  # noqa: S608 - of constants
    "UPDATE pgvoice.attribution_run SET calibration_id = NULL WHERE calibration_id IN"
    " (SELECT id FROM pgvoice.calibration WHERE "
) + f"{_CALIBRATIONS})"
#: Acts of people who were removed count as well, as an undo would bring these back.
_ACTS = (
    "id IN (SELECT pgvoice_internal.acts_about(pgvoice_internal.people_called(:name)))"
    " AND undone_at IS NULL"
)
#: Voices that the speech belonged to are computed again, and what they are linked with.
_RENEW_LINKS = """
SELECT pgvoice_internal.renew_links(ARRAY(SELECT DISTINCT video_id FROM pg_temp.erased_segment))
"""
#: Labels that the person's were newer than.
_OLDER_LABELS = """
UPDATE pgvoice.attribution AS a SET current = true
FROM (
    SELECT DISTINCT ON (o.video_id, o.start_ms, o.end_ms, o.encoder_id) o.*
    FROM pgvoice.attribution AS o
    JOIN pgvoice.attribution_run AS r ON r.id = o.run_id AND r.reverted_at IS NULL
    WHERE NOT EXISTS (
        SELECT FROM pgvoice.attribution AS c
        WHERE c.current AND (c.video_id, c.start_ms, c.end_ms, c.encoder_id)
            = (o.video_id, o.start_ms, o.end_ms, o.encoder_id)
    )
    ORDER BY o.video_id, o.start_ms, o.end_ms, o.encoder_id, o.pinned DESC, o.run_id DESC
) AS newest
WHERE (a.video_id, a.start_ms, a.end_ms, a.encoder_id, a.run_id)
    = (newest.video_id, newest.start_ms, newest.end_ms, newest.encoder_id, newest.run_id)
"""
#: What is deleted: its name, the table and a condition; in the order of deletion.
_OF_SPEAKER = {
    ACTS: ("act", _ACTS),
    "labels": ("attribution", "speaker_id = :id"),
    "labels with the person as runner-up": ("attribution", "runner_up_id = :id"),
    "kept comparisons": ("nearest", ":id IN (nearest_id, runner_up_id)"),
    "calibrations": ("calibration", _CALIBRATIONS),
    "exemplars": ("enrollment", "speaker_id = :id"),
    "profiles": ("profile", "speaker_id = :id"),
    "consents": ("consent", "speaker_id = :id"),
    "turns labelled with the name": ("turn", _NAMED_TURNS),
    "words about who speaks": ("verdict", "speaker_id = :id"),
    "spans of deleted voiceprints": ("person_span", "speaker_id = :id"),
    "names": ("speaker", "id = :id"),
}
#: What is deleted with the name.
_WITH_NAME = ("enrollment", "profile", "consent", "person_span", "verdict")
#: The rows that are changed instead of deleted.
_CHANGED = {
    ACTS: "SELECT pgvoice_internal.forget_person(:name)",
    "labels with the person as runner-up": "UPDATE pgvoice.attribution"
    " SET runner_up_id = NULL, margin = NULL WHERE runner_up_id = :id",
    "turns labelled with the name": f"UPDATE pgvoice.turn SET label = NULL WHERE {_NAMED_TURNS}",  # noqa: S608
}
_OF_VIDEO = {
    "segments": ("segment_embedding", "video_id = :id"),
    "voices of labels": ("voice", "video_id = :id"),
    "links with unknown voices": ("linked_voice", "video_id = :id"),
    "words about who speaks": ("verdict", "video_id = :id"),
    "labels": ("attribution", "video_id = :id"),
    "turns": ("turn", "video_id = :id"),
    "kept comparisons": ("nearest", "video_id = :id"),
    "records of fills": ("fill_run", "video_id = :id"),
    "records of ingests": ("ingest_video", "video = :key"),
    "recordings": ("video", "id = :id"),
}


def erase_speaker(
    connection: Connection, name: str, *, with_segments: bool, dry_run: bool
) -> Erasure:
    """Delete a person's exemplars, profiles, labels, calibrations, consents, acts and name.

    `with_segments` also marks their segments as ``erased``, of all encoders and wherever the same
    audio is stored, so that no later fill computes them.
    """
    ids: dict[str, object] = {"id": _found(connection, name), "name": name}
    connection.execute(text(_SPEECH), ids)
    if with_segments and not dry_run:
        connection.execute(text(_HOLD))
    connection.execute(text(_SEGMENTS))
    found = [ErasedRows(SEGMENTS, _count(connection, "segment_embedding", _IN_SEGMENTS, ids))]
    found += [ErasedRows(what, _count(connection, *of, ids)) for what, of in _OF_SPEAKER.items()]
    if not with_segments:
        found[0] = ErasedRows(f"{SEGMENTS} that are kept", found[0].rows)
    done = Erasure(name, tuple(found), dry_run)
    if not dry_run:
        _record(connection, "erase speaker", done)
        if with_segments:
            connection.execute(text(_NOTE_ERASED), ids)
            connection.execute(text(_EMPTY_SEGMENTS))
            connection.execute(text(_RENEW_LINKS))
        connection.execute(text(_DETACH_CALIBRATIONS), ids)
        for what, (table, where) in _OF_SPEAKER.items():
            deletion = f"DELETE FROM pgvoice.{table} WHERE {where}"  # noqa: S608
            if table not in _WITH_NAME:
                connection.execute(text(_CHANGED.get(what, deletion)), ids)
        connection.execute(text(_OLDER_LABELS))
    connection.execute(text("DROP TABLE pg_temp.erased_speech, pg_temp.erased_segment"))
    return done


def _found(connection: Connection, name: str) -> int | None:
    """The id of a speaker, locked; None if removed, but an undo could bring them back."""
    try:
        return speakers.require(connection, name, lock=True)
    except UnknownSpeaker:
        if not (is_text(name) and _count(connection, "act", _ACTS, {"name": name})):
            raise
        return None


def keep_opt_out(connection: Connection, name: str, *, voice: bool) -> None:
    """Note that a speaker, who is erased next, opted out. Raises `UnknownSpeaker`."""
    ids = {"speaker": speakers.require(connection, name), "voice": voice}
    connection.execute(text("SELECT pgvoice_internal.opt_out(:speaker, :voice)"), ids)


def erase_video(connection: Connection, key: str, *, dry_run: bool) -> Erasure:
    """Delete a recording with everything about it; exemplars that were taken from it are kept.

    No vector of its audio, or under its key, is stored again.
    """
    ids: dict[str, object] = {"id": videos.require(connection, key), "key": key}
    found = [ErasedRows(what, _count(connection, *of, ids)) for what, of in _OF_VIDEO.items()]
    found.append(
        ErasedRows(
            "exemplars that are kept", _count(connection, "enrollment", "video_id = :id", ids)
        )
    )
    done = Erasure(key, tuple(found), dry_run)
    if not dry_run:
        _record(connection, "erase video", done)
        connection.execute(text("SELECT pgvoice_internal.erase_recording(:id)"), ids)
        connection.execute(text("DELETE FROM pgvoice.nearest WHERE video_id = :id"), ids)
        connection.execute(text("DELETE FROM pgvoice.ingest_video WHERE video = :key"), ids)
        connection.execute(text("DELETE FROM pgvoice.video WHERE id = :id"), ids)
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
