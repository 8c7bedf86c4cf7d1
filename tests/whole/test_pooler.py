"""Everything works behind PgBouncer that hands out sessions by transaction."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.watching_encoder import WatchingEncoder
from pgvoice_testkit.servers import pooler
from pgvoice_testkit.servers.databases import new_database, plain
from sqlalchemy import URL

from pgvoice.cli.main import cli
from pgvoice.hooks import FillReport, Recording, enroll_recordings, fill
from pgvoice.hooks.ingest.engine import Here, Processes
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.running import ingest
from pgvoice.store import BuildProgress, IndexBusy, VoiceStore
from pgvoice.store.answers import index_building, indexes

needs_pooler = pytest.mark.skipif(
    pooler.PROGRAM is None, reason="needs pgbouncer, of the system's packages"
)
WORKERS = 2
#: Of the server: for each fill that runs, and one more.
SESSIONS = WORKERS + 1
SPANS = ((0.0, 1.0), (1.0, 2.0), (2.0, 3.0))


@pytest.fixture(scope="module")
def url(server_url: str) -> Iterator[URL]:
    """An empty database behind the pooler."""
    with (
        new_database(server_url) as direct,
        pooler.pooler(server_url, sessions=SESSIONS) as pooled,
    ):
        yield pooled.set(database=direct.database)


@pytest.fixture(scope="module")
def pooled(url: URL) -> Iterator[VoiceStore]:
    created = CliRunner().invoke(cli, ["db", "upgrade", "--no-consent", "--url", plain(url)])
    assert created.exit_code == 0, created.output
    with VoiceStore.open(plain(url)) as opened:
        yield opened


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("talk") / "talk.wav", voice(110, 2), voice(310, 2, 1))


@pytest.fixture(scope="module")
def fills(pooled: VoiceStore, talk: Path) -> list[FillReport]:
    """As many as may run, all of one video and at once."""

    def fill_it(_number: int) -> FillReport:
        return fill(pooled, CountingEncoder(), video="talk", audio=talk, segments=SPANS)

    with ThreadPoolExecutor(WORKERS) as threads:
        return list(threads.map(fill_it, range(WORKERS)))


@needs_pooler
def test_fills_of_one_video_take_turns(fills: list[FillReport]) -> None:
    assert sorted(each.run.filled for each in fills) == [0, len(SPANS)]
    assert sorted(each.run.hits for each in fills) == [0, len(SPANS)]


@needs_pooler
@pytest.mark.usefixtures("fills")
def test_answers_and_labels(pooled: VoiceStore, talk: Path) -> None:
    enroll_recordings(pooled, CountingEncoder(), "Ada", [Recording(talk)])
    # More often than it takes the driver to prepare a statement.
    for _ in range(8):
        assert [each.speaker for each in pooled.answers.identify("talk")] == ["Ada"] * 3
        assert len(pooled.answers.appearances("Ada")) == len(SPANS)
        assert len(pooled.answers.similar("talk", (0, 1))) == len(SPANS) - 1
    run = pooled.labels.label().run
    assert run is not None
    for _ in range(8):
        assert pooled.labels.relabel().run is None
    assert pooled.labels.revert(run) == len(SPANS)
    assert [check for check in pooled.upkeep.verify() if check.problems] == []


@needs_pooler
@pytest.mark.usefixtures("fills")
def test_the_index(pooled: VoiceStore) -> None:
    for _ in range(3):
        built = pooled.index.build()
        assert (len(built.built), built.without_memory) == (1, False)
        assert pooled.index.drop() == 1
    with pooled.database.engine.begin() as connection:
        indexes.hold(connection)
        with pytest.raises(IndexBusy):
            pooled.index.build()
    with pytest.raises(ValueError, match="--url"):
        pooled.index.build(memory="77MB")


@needs_pooler
@pytest.mark.usefixtures("fills")
def test_a_build_that_is_interrupted_stops_in_the_server(
    server_url: str, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_progress: BuildProgress) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(index_building, "INTERVAL", 0.001)
    conninfo = plain(url).replace("+psycopg", "")
    with (
        pooler.pooler(server_url) as roomy,
        VoiceStore.open(plain(roomy.set(database=url.database))) as store,
        psycopg.connect(conninfo) as old,
    ):
        # A build waits for this one, which has seen the table.
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT count(*) FROM pgvoice.segment_embedding")
        with pytest.raises(KeyboardInterrupt):
            store.index.build(on_progress=interrupt)
        (status,) = store.index.status()
        assert (status.building, status.indexed) == (False, 0)


def _rows(talk: Path) -> list[ManifestRow]:
    return [ManifestRow(f"v{number}", str(talk), SPANS) for number in range(6)]


@needs_pooler
def test_a_ingest_with_a_session_for_each_worker_and_one_more(
    pooled: VoiceStore, talk: Path
) -> None:
    with Processes(pooled, CountingEncoder, WORKERS) as processes:
        report = ingest(processes, "library", _rows(talk))
    assert (report.filled, report.failed) == (6, [])


@pytest.mark.parametrize(("workers", "connections"), [(1, 2), (WORKERS, 2 * WORKERS + 1)])
def test_connections_of_a_ingest(
    store: VoiceStore, talk: Path, tmp_path: Path, workers: int, connections: int
) -> None:
    notes = tmp_path / "connected"
    url = plain(store.database.url).replace("+psycopg", "")
    make = partial(WatchingEncoder, url, str(notes))
    with Here(store, make) if workers == 1 else Processes(store, make, workers) as engine:
        report = ingest(engine, "library", _rows(talk))
    assert (report.filled, report.failed) == (6, [])
    counts = [int(line) for line in notes.read_text().splitlines()]
    assert len(counts) == 6
    assert 2 <= max(counts) <= connections
