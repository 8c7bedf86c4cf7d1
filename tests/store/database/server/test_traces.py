"""What was erased is in no file of an embedded server: not in its log, its WAL or its tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.stores.filled import put, unit
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import EncoderIdentity, FillRun, Turn, VoiceStore
from pgvoice.store.database.server import traces
from pgvoice.store.errors import EmbeddedServerError

ENCODER = EncoderIdentity("toy", "sha256:0123456789abcdef", "1", 192, 16_000)
VECTOR = unit(*np.random.default_rng(5).normal(size=192))
#: Some of its elements, as Postgres stores them; a row's page may end anywhere.
BYTES = VECTOR[80:96].tobytes()


def _files_with(folder: Path, wanted: bytes) -> list[str]:
    """The files below a folder that contain this."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and wanted in path.read_bytes()
    )


def _run(store: VoiceStore, *statements: str) -> None:
    engine = store.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _fill_and_erase(store: VoiceStore) -> bytes:
    """Returns some bytes of the voice in the recording that is gone."""
    put(store, "talk", {(0, 3): VECTOR, (3, 6): unit(1, *[0] * 191)}, ENCODER)
    turns = [Turn(0, 3, "Ann Unlikely"), Turn(3, 6, "Ann Unlikely")]
    store.recordings.store_turns("talk", turns)
    store.recordings.record_fill("talk", ENCODER, FillRun(2, 0, 2))
    with store.database.engine.connect() as connection:
        voice = connection.scalar(text("SELECT CAST(embedding AS real[]) FROM pgvoice.voice"))
    store.people.enroll_segments("Ann Unlikely", "talk", [(0, 3)], force=True)
    store.index.build()
    store.labels.label()
    _run(store, "ANALYZE", "CHECKPOINT")
    store.privacy.erase_speaker("Ann Unlikely", with_segments=True)
    store.privacy.erase_video("talk")
    _run(store, "VACUUM FULL")
    return np.array(voice, np.float32)[80:96].tobytes()


def test_erased_vectors_are_in_no_file(data_folder: Path) -> None:
    with VoiceStore.open(folder=data_folder, consent=False) as store:
        both = (BYTES, _fill_and_erase(store))
        for wanted in both:
            found = _files_with(data_folder, wanted)
            assert found
            assert all(name.startswith("postgres/pg_wal/") for name in found)
        traces.remove_traces(store.database.engine)
        assert [_files_with(data_folder, wanted) for wanted in both] == [[], []]
        # The store can still be used.
        put(store, "another talk", {(0, 3): VECTOR}, ENCODER)
        assert _files_with(data_folder, BYTES)


def test_what_the_server_logged_is_gone_and_it_logs_on(data_folder: Path) -> None:
    with VoiceStore.open(folder=data_folder, consent=False) as store:
        log = data_folder / "postgres" / "log"
        _run(store, "DO $$BEGIN RAISE WARNING 'Ann Unlikely'; END$$")
        assert b"Ann Unlikely" in log.read_bytes()
        traces.remove_traces(store.database.engine)
        assert b"Ann Unlikely" not in log.read_bytes()
        _run(store, "DO $$BEGIN RAISE WARNING 'Bob'; END$$")
        assert log.read_bytes().lstrip().find(b"Bob") in range(200)
        assert b"\0" not in log.read_bytes()
        assert log.stat().st_mode & 0o077 == 0


def test_a_failed_statement_is_not_logged(data_folder: Path) -> None:
    """Neither its text nor the row that it was about."""
    with VoiceStore.open(folder=data_folder, consent=False) as store:
        insert = "INSERT INTO pgvoice.speaker (name) VALUES ('Ann Unlikely')"
        _run(store, insert)
        with pytest.raises(DBAPIError, match="Ann Unlikely"):
            _run(store, insert)
        log = data_folder / "postgres" / "log"
        assert b"duplicate key" in log.read_bytes()
        assert b"Ann" not in log.read_bytes()


def test_old_segments_that_were_kept_for_later(data_folder: Path) -> None:
    """A server that recycled its segments has such, with their old content."""
    with VoiceStore.open(folder=data_folder, consent=False) as store:
        _run(store, "ALTER SYSTEM SET wal_recycle = on")
        assert store.database.server is not None
        store.database.server.stop()
    with VoiceStore.open(folder=data_folder) as store:
        _fill_and_erase(store)
        _run(store, *["SELECT pg_logical_emit_message(true, '', '')", "SELECT pg_switch_wal()"] * 3)
        _run(store, "CHECKPOINT")
        assert _files_with(data_folder, BYTES)
        with pytest.raises(EmbeddedServerError, match="wal_recycle is on"):
            traces.remove_traces(store.database.engine)
        _run(store, "ALTER SYSTEM RESET wal_recycle")
        assert store.database.server is not None
        store.database.server.stop()
    with VoiceStore.open(folder=data_folder) as store:
        assert _files_with(data_folder, BYTES)
        traces.remove_traces(store.database.engine)
        assert _files_with(data_folder, BYTES) == []
