"""Time-outs and a full disk: a clear error, nothing half stored, and the next call goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.disturbing_encoder import DisturbedEncoder
from pgvoice_testkit.servers.databases import engine_of, new_database, plain
from pgvoice_testkit.stores.filled import ENCODER, X, put
from psycopg import Connection
from sqlalchemy import event, make_url, text

from pgvoice.hooks import fill
from pgvoice.store import VoiceStore
from pgvoice.store.errors import DatabaseDeadlock, DatabaseFull, DatabaseTimeout

SEGMENTS = [(n * 0.5, n * 0.5 + 1.0) for n in range(30)]


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 8), voice(220, 8, 1))


def _with(url: str, options: str) -> str:
    return plain(make_url(url).update_query_dict({"options": options}))


@pytest.mark.parametrize(
    ("options", "statement", "says"),
    [
        ("-c statement_timeout=20", "SELECT pg_sleep(20)", "statement timeout"),
        ("-c lock_timeout=20", "LOCK TABLE pgvoice.video", "lock timeout"),
    ],
)
def test_a_time_out_is_a_sentence(store_url: str, options: str, statement: str, says: str) -> None:
    with (
        VoiceStore.open(store_url) as holder,
        holder.database.engine.begin() as holding,
        VoiceStore.open(_with(store_url, options)) as store,
        store.database.engine.connect() as connection,
    ):
        holding.execute(text("LOCK TABLE pgvoice.video"))
        with pytest.raises(DatabaseTimeout, match=says) as caught:
            connection.execute(text(statement))
    assert "\n" not in str(caught.value)


def test_an_idle_transaction_that_was_ended_is_a_sentence(store_url: str) -> None:
    url = _with(store_url, "-c idle_in_transaction_session_timeout=20")
    with VoiceStore.open(url) as store, store.database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        threading.Event().wait(0.2)
        with pytest.raises(DatabaseTimeout, match="idle-in-transaction"):
            connection.execute(text("SELECT 1"))


def test_a_fill_outlasts_the_idle_time_out(store_url: str, wav: Path) -> None:
    """The transaction with its lock is idle far longer than the limits, which only it has."""
    limited: list[Connection[object]] = []
    encoder = DisturbedEncoder(lambda: threading.Event().wait(2), 3)
    with VoiceStore.open(store_url) as store:

        @event.listens_for(store.database.unpooled, "connect")
        def limit(connection: Connection[object], _record: object) -> None:
            for name in ("idle_in_transaction_session_timeout", "transaction_timeout"):
                connection.execute(f"SET {name} = '1s'".encode())
            connection.commit()
            limited.append(connection)

        assert fill(store, encoder, video="v", audio=wav, segments=SEGMENTS).run.filled == 30
    assert len(limited) == 1


def test_a_fill_that_waits_too_long_for_a_lock_resumes(store_url: str, wav: Path) -> None:
    with VoiceStore.open(_with(store_url, "-c lock_timeout=50")) as store:
        with engine_of(store_url) as engine, engine.begin() as holding:
            holding.execute(text("LOCK TABLE pgvoice.segment_embedding IN SHARE MODE"))
            with pytest.raises(DatabaseTimeout, match="lock timeout"):
                fill(store, CountingEncoder(), video="v", audio=wav, segments=SEGMENTS)
        again = CountingEncoder()
        assert fill(store, again, video="v", audio=wav, segments=SEGMENTS).run.filled == 30


def test_a_deadlock_is_a_sentence(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    put(store, "w", {(0, 1): X})
    touch = text("UPDATE pgvoice.video SET source = 'x' WHERE key = :key")
    both = threading.Barrier(2)
    errors: list[Exception] = []

    def one(first: str, second: str) -> None:
        try:
            with store.database.engine.begin() as connection:
                connection.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
                connection.execute(touch, {"key": first})
                both.wait(20)
                connection.execute(touch, {"key": second})
        except DatabaseDeadlock as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=pair) for pair in ("vw", "wv")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(errors) == 1
    assert ENCODER.name in {encoder.identity.name for encoder in store.encoders.list()}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 MB that the server's user may write to."""
    if not shutil.which("mount") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = Path("/tmp") / f"pgvdisk{os.getpid()}"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        disk.rmdir()
        pytest.skip("no disk may be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)
    disk.rmdir()


def test_a_full_disk(
    request: pytest.FixtureRequest, server_url: str, template: str, small_disk: Path, wav: Path
) -> None:
    if request.config.getoption("--database-url"):
        pytest.skip("the disk must be the server's own")
    place = small_disk / "space"
    place.mkdir()
    shutil.chown(place, "pgserver")
    with engine_of(server_url) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f"CREATE TABLESPACE pgvoice_test_small LOCATION '{place}'"))
    try:
        with new_database(server_url, f"{template} TABLESPACE pgvoice_test_small") as url:
            _fill_the_disk(plain(url), small_disk, wav)
    finally:
        with engine_of(server_url) as engine, engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("DROP TABLESPACE pgvoice_test_small"))


def _fill_the_disk(url: str, disk: Path, wav: Path) -> None:
    def take_the_rest() -> None:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free))

    encoder = DisturbedEncoder(take_the_rest, 3, dimension=1900)
    with VoiceStore.open(url) as store:
        with pytest.raises(DatabaseFull, match=r"No space left.*make room") as caught:
            fill(store, encoder, video="v", audio=wav, segments=SEGMENTS)
        assert "\n" not in str(caught.value)
        (disk / "ballast").unlink()
        assert not any(check.problems for check in store.upkeep.verify())
        again = CountingEncoder(dimension=1900)
        report = fill(store, again, video="v", audio=wav, segments=SEGMENTS)
        assert report.run.hits >= 3
        assert report.run.hits + report.run.filled == 30
