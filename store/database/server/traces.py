"""Removes what an embedded server keeps beside its tables: its write-ahead log and its own log."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from pgvoice.store.errors import EmbeddedServerError

#: Segments of the write-ahead log that are to be written next. Those are empty, or old ones with
#: their old content.
_WAITING_SEGMENTS = text(
    "SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
    " AND name > pg_walfile_name(pg_current_wal_insert_lsn())"
)
#: A segment without any record cannot be left.
_WRITE_A_RECORD = text("SELECT pg_logical_emit_message(true, 'pgvoice', '')")
_NEXT_SEGMENT = text("SELECT pg_switch_wal()")
#: The server truncates its log as its own user; it appends to it, so that it can go on.
_EMPTY_LOG = text(
    """DO $$BEGIN EXECUTE format('COPY (SELECT WHERE false) TO %L',
       current_setting('data_directory') || '/log'); END$$"""
)


def remove_traces(engine: Engine) -> None:
    """Delete the log of changes and empty the server's log, so that erased rows are in no file.

    For an embedded server, after ``VACUUM FULL`` of the tables with erased rows; until then their
    pages keep them. Other sessions can go on, but what one of them writes meanwhile is logged as
    ever. Does not overwrite the disk's blocks. Raises `EmbeddedServerError` if the server is set to
    keep old segments.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _check(connection)
        for _ in range(1 + (connection.scalar(_WAITING_SEGMENTS) or 0)):
            connection.execute(_WRITE_A_RECORD)
            connection.execute(_NEXT_SEGMENT)
        connection.execute(text("CHECKPOINT"))
        connection.execute(_EMPTY_LOG)


def _check(connection: Connection) -> None:
    """Fail if something holds old segments."""
    for setting, needed in (
        ("wal_recycle", "off"),
        ("wal_keep_size", "0"),
        ("archive_mode", "off"),
    ):
        found = connection.scalar(text("SELECT current_setting(:name)"), {"name": setting})
        if found != needed:
            raise EmbeddedServerError(
                f"{setting} is {found}, so the log keeps what was erased: set {setting} ="
                f" {needed} in postgresql.conf, end all programs that use the server, run `pgvoice"
                " db stop`, and try again"
            )
