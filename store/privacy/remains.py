"""What remains of somebody or something after an erasure, and how to end it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import sqlstate
from pgvoice.store.database.preparing import (
    FORBIDDEN,
    PGVECTOR_REMEDY,
    pgvector_risks,
    pgvector_version,
    refuse_parallel_builds,
)
from pgvoice.store.database.server import traces

#: The tables that erasing empties, and that held vectors, names or times of the person.
TOUCHED = (
    "segment_embedding",
    "voice",
    "voice_cohort",
    "linked_voice",
    "unknown_voice",
    "unknown_voice_mean",
    "verdict",
    "act",
    "act_change",
    "turn",
    "turn_document",
    "clean_part",
    "enrollment",
    "profile",
    "compared_profile",
    "nearest",
    "attribution",
    "consent",
    "speaker",
    "video",
    "fill_run",
    "ingest_video",
    "person_span",
)


@dataclass(frozen=True, slots=True)
class Remainder:
    """Something that an erasure does not reach."""

    what: str
    remedy: str
    #: Whether the erasure is not done before that.
    unfinished: bool = False


def left(connection: Connection, subject: str, *, vacuumed: bool) -> list[Remainder]:
    """What remains of a subject; `vacuumed` if `vacuum` was called since."""
    found = [] if vacuumed else [*_risky_index(connection), *_files(connection)]
    found += _copies(connection, subject)
    found.append(
        Remainder(
            "backups, replicas and archived write-ahead log, if you make any",
            "erase again after restoring one, and delete the older ones when their time comes",
        )
    )
    if connection.scalar(_IN_TRAIL, {"subject": subject}):
        found.append(
            Remainder(
                "the audit trail, which keeps the name and what was done, without vectors",
                "keep it, as it proves the erasure",
            )
        )
    return found


_IN_TRAIL = text("SELECT EXISTS (SELECT FROM pgvoice.audit_event WHERE subject = :subject)")


def _risky_index(connection: Connection) -> list[Remainder]:
    version = pgvector_version(connection)
    if not pgvector_risks(version) or not connection.scalar(_INDEXED):
        return []
    return [
        Remainder(
            f"vectors in the index, which pgvector {version} may not clear correctly",
            f"add --vacuum, which builds the index again, and {PGVECTOR_REMEDY}",
            unfinished=True,
        )
    ]


_INDEXED = text(
    "SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw'"
    " AND c.relnamespace = CAST('pgvoice' AS regnamespace))"
)


def _files(connection: Connection) -> list[Remainder]:
    logs = connection.scalar(
        text(
            "SELECT current_setting('log_statement') <> 'none'"
            " OR current_setting('log_min_duration_statement') <> '-1'"
        )
    )
    found = [
        Remainder(
            "deleted rows in the files of the tables, until these are rewritten",
            "add --vacuum, or run VACUUM FULL",
        ),
        Remainder(
            "the write-ahead log, until the server has recycled it",
            "add --vacuum, or run `SELECT pg_switch_wal()` and CHECKPOINT",
        ),
    ]
    if logs:
        found.append(
            Remainder(
                "the server's log, which has names and no vectors", "delete the old log files"
            )
        )
    return found


def _copies(connection: Connection, subject: str) -> list[Remainder]:
    """Where the person or recording was exported to, and the databases of copies of the store."""
    return [
        Remainder(
            f"the {row.what} of {row.at:%Y-%m-%d} to {row.place}",
            "erase there as well" if row.what == "copy" else "delete the file",
        )
        for row in connection.execute(_COPIES, {"subject": subject})
    ]


#: Exported vectors may be of a person in any recording. Those of a recording are exported by its
#: key.
_COPIES = text(
    "SELECT CASE action WHEN 'export vectors' THEN 'export of vectors' ELSE action END AS what, at,"
    " coalesce(details ->> 'to', subject) AS place FROM pgvoice.audit_event"
    " WHERE action = 'copy' OR (action IN ('export', 'export vectors') AND subject = :subject)"
    " OR (action = 'export vectors' AND NOT EXISTS (SELECT FROM pgvoice.video"
    " WHERE key = :subject) AND NOT EXISTS (SELECT FROM pgvoice.audit_event"
    " WHERE action = 'erase video' AND subject = :subject))"
    " GROUP BY 1, 2, 3 ORDER BY min(id)"
)


def vacuum(database: Database) -> None:
    """Rewrite the tables that erasing empties, with their indexes, and end the write-ahead log.

    This also empties an embedded server's own log. Needs the tables' owner; the write-ahead log is
    left to your own server if this user may not end it.
    """
    with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if refuse_parallel_builds(pgvector_version(connection)):
            connection.execute(text("SET max_parallel_maintenance_workers = 0"))
        for table in TOUCHED:
            connection.execute(text(f"VACUUM FULL pgvoice.{table}"))
        connection.execute(text("RESET max_parallel_maintenance_workers"))
        if database.server is None:
            _switch_log(connection)
    if database.server is not None:
        traces.remove_traces(database.engine)


def _switch_log(connection: Connection) -> None:
    for statement in ("SELECT pg_switch_wal()", "CHECKPOINT"):
        try:
            connection.execute(text(statement))
        except ProgrammingError as error:
            if sqlstate(error) != FORBIDDEN:
                raise
