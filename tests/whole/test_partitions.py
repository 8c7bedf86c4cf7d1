"""A store whose table of vectors is in parts: the same tables, the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import engine_of, migrate, new_database, plain
from pgvoice_testkit.servers.descriptions import differences, vectors_description
from pgvoice_testkit.stores.filled import ENCODER, X, Y, Z, put, unit
from sqlalchemy import Connection, text

from pgvoice.cli.main import cli
from pgvoice.hooks import fill
from pgvoice.store import PruneSelection, SegmentKey, SegmentRow, VoiceStore
from pgvoice.store.database import schema
from pgvoice.store.errors import RowsRefused, RowsStored, VideoErased
from pgvoice.store.models import MAX_PARTITIONS, PARTITION

PARTS = 16
SEGMENTS = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 6.1)]


@pytest.fixture(scope="module")
def parted(server_url: str) -> Iterator[str]:
    """The name of a database to copy, whose vectors are in parts."""
    with new_database(server_url) as url:
        migrate(url, partitions=PARTS)
        assert url.database is not None
        yield url.database


@pytest.fixture
def store_url(server_url: str, parted: str) -> Iterator[str]:
    with new_database(server_url, parted) as url:
        yield plain(url)


def _counts(connection: Connection) -> dict[str, int]:
    """Rows by part, as far as there are any."""
    rows = connection.execute(
        text(
            "SELECT CAST(CAST(tableoid AS regclass) AS text), count(*)"
            " FROM pgvoice.segment_embedding GROUP BY 1"
        )
    )
    return {name.rpartition(".")[2]: count for name, count in rows}


def test_everything_is_said_of_it_that_is_said_of_a_plain_one(
    store: VoiceStore, server_url: str
) -> None:
    with new_database(server_url) as url:
        migrate(url)
        with engine_of(url) as engine, engine.connect() as connection:
            expected = vectors_description(connection)
    with store.database.engine.connect() as connection:
        found = vectors_description(connection)
    for what, rows in expected.items():
        assert found[what] == rows, what


def test_it_equals_the_models(store: VoiceStore) -> None:
    with store.database.engine.connect() as connection:
        assert differences(connection) == []


def test_each_part_says_what_it_is(store: VoiceStore) -> None:
    with store.database.engine.connect() as connection:
        said = connection.execute(
            text(
                "SELECT relname, obj_description(oid) FROM pg_class WHERE relispartition"
                " AND relkind = 'r' AND relnamespace = CAST('pgvoice' AS regnamespace) ORDER BY 1"
            )
        ).all()
    assert [name for name, _ in said] == [f"{PARTITION}{part:02}" for part in range(PARTS)]
    assert said[3][1] == "Part 3 of 16 of segment_embedding, by hash of video_id."


def test_fill_identify_search_prune_and_remove(store: VoiceStore, tmp_path: Path) -> None:
    audio = write(tmp_path / "talk.wav", voice(110, 2), voice(310, 2), voice(110, 2), silence(1))
    videos = [f"talk {number}" for number in range(8)]
    for video in videos:
        encoder = CountingEncoder()
        assert fill(store, encoder, video=video, audio=audio, segments=SEGMENTS).run.filled == 3
        assert fill(store, encoder, video=video, audio=audio, segments=SEGMENTS).run.hits == 4
    with store.database.engine.connect() as connection:
        counts = _counts(connection)
    assert len(counts) > 1
    assert set(counts.values()) <= set(range(4, 33, 4))

    store.people.enroll_segments("Ada", "talk 0", [(0, 2)])
    store.people.enroll_segments("Bob", "talk 0", [(2, 4)])
    for video in videos:
        answers = store.answers.identify(video)
        assert [answer.speaker for answer in answers] == ["Ada", "Bob", "Ada", None]
        assert answers[-1].reason == "too_short"
    assert len(store.answers.appearances("Ada")) == 2 * len(videos)
    statistics = store.recordings.statistics()
    assert len(statistics.holdings) == len(videos)
    assert statistics.bytes_on_disk > sum(holding.bytes for holding in statistics.holdings)

    assert store.recordings.prune(PruneSelection(video="talk 1")) == 4
    assert [found for found in store.answers.appearances("Ada") if found.video == "talk 1"] == []
    assert store.people.remove("Bob") == 1
    assert {answer.nearest for answer in store.answers.identify("talk 2")} == {"Ada", None}
    with store.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM pgvoice.video"))
        assert _counts(connection) == {}


def test_labels_and_what_they_are_computed_from(store: VoiceStore) -> None:
    for number in range(8):
        put(store, f"v{number}", {(0, 1): X, (1, 2): Y, (2, 3): Z, (3, 3.1): "too_short"})
    store.people.enroll_segments("ann", "v0", [(0, 1)], min_speech=1)
    assert (store.labels.label().segments, store.labels.label().changed) == (32, 0)
    store.people.enroll_segments("bob", "v0", [(1, 2)], min_speech=1)
    assert store.labels.relabel(dry_run=True).changed == store.labels.relabel().changed == 8
    assert [label.speaker for label in store.labels.current("v5")] == ["ann", "bob", None, None]
    assert _nearest(store) == 32
    assert store.recordings.prune(PruneSelection(video="v5")) == 4
    assert _nearest(store) == 28
    with store.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM pgvoice.video WHERE key = 'v6'"))
    assert _nearest(store) == 24


def _nearest(store: VoiceStore) -> int:
    with store.database.engine.connect() as connection:
        found: int = connection.scalar(text("SELECT count(*) FROM pgvoice.nearest"))
    return found


def test_search_by_an_index_on_each_part(store: VoiceStore) -> None:
    for number in range(8):
        put(store, f"v{number}", {(0, 1): unit(9, 1, number), (1, 2): unit(1, 9, number)})
    store.index.build()
    (status,) = store.index.status()
    assert (status.parts, status.indexed) == (PARTS, PARTS)
    by_index = store.answers.similar("v3", (0, 1), limit=7, exact=False)
    assert by_index == store.answers.similar("v3", (0, 1), limit=7, exact=True)
    assert {found.start for found in by_index} == {0}
    assert store.index.drop() == PARTS


def test_a_row_that_is_there_or_wrong_is_refused(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    with pytest.raises(RowsStored):
        put(store, "v", {(0, 1): Y})
    ids = store.recordings.register("v", None, ENCODER, CountingEncoder.default_threshold)
    with pytest.raises(RowsRefused, match="segment_embedding_span_check"):
        store.recordings.write(ids, ENCODER, [SegmentRow(SegmentKey(2000, 1000), "ok", Z)])
    erased = ids._replace(video_id=ids.video_id + 999)
    with pytest.raises(VideoErased):
        store.recordings.write(erased, ENCODER, [SegmentRow(SegmentKey(0, 1000), "ok", Z)])


def test_down_and_up_again_keeps_rows_and_parts(store: VoiceStore) -> None:
    for number in range(8):
        put(store, f"v{number}", {(0, 1): X, (1, 2): unit(1, 2, 3), (2, 2.1): "too_short"})
    store.people.enroll_segments("ann", "v0", [(0, 1)], min_speech=1)
    before = [store.answers.identify(f"v{number}") for number in range(8)]
    with store.database.engine.connect() as connection:
        counts = _counts(connection)
    schema.downgrade(store.database.engine, "0024")
    schema.upgrade(store.database.engine)
    assert [store.answers.identify(f"v{number}") for number in range(8)] == before
    with store.database.engine.connect() as connection:
        assert _counts(connection) == counts
        assert schema.state(connection)[:3] == (schema.HEAD, 100, PARTS)


def test_down_to_nothing_leaves_nothing(store: VoiceStore) -> None:
    schema.downgrade(store.database.engine, "base")
    with store.database.engine.connect() as connection:
        assert schema.state(connection)[:4] == (None, None, None, None)
        left = connection.scalar(
            text(f"SELECT count(*) FROM pg_class WHERE relname LIKE '{PARTITION}%'")
        )
    assert left == 0


@pytest.mark.parametrize("number", [0, MAX_PARTITIONS + 1])
def test_a_number_of_parts_that_cannot_be(store: VoiceStore, number: int) -> None:
    with pytest.raises(ValueError, match=f"{number} partitions are not between 1 and 100"):
        schema.upgrade(store.database.engine, partitions=number)


@pytest.fixture
def run() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(cli, list(arguments))


def test_the_command_fixes_the_number_at_creation(
    run: Callable[..., Result], server_url: str
) -> None:
    with new_database(server_url) as url:
        where = ("--url", plain(url))
        first = run("db", "upgrade", "--partitions", "4", *where)
        assert first.stdout == f"revision {schema.HEAD}, grid 100 ms, 4 partitions\n"
        again = run("db", "upgrade", *where)
        assert (again.stdout, again.stderr) == (first.stdout, "")
        other = run("db", "upgrade", "--partitions", "16", *where)
        assert (other.exit_code, other.stderr) == (
            0,
            "Warning: partitions stay 4: they are fixed when the tables are created\n",
        )
        assert '"partitions": 4' in run("db", "status", "--json", *where).stdout
    assert run("db", "upgrade", "--partitions", "0").exit_code == 2


def test_the_embedded_server_can_have_parts(data_folder: Path) -> None:
    with (
        VoiceStore.open(folder=data_folder, partitions=2, consent=False) as store,
        store.database.engine.connect() as connection,
    ):
        assert schema.state(connection).partitions == 2


def test_a_build_that_was_interrupted_goes_on_with_the_other_parts(store: VoiceStore) -> None:
    """Meanwhile parts cover different segments, and searches find all the same."""
    for number in range(8):
        put(store, f"v{number}", {(0, 1): unit(9, 1, number), (1, 2): unit(1, 9, number)})
    store.index.build()
    for number in range(8, 24):
        put(store, f"v{number}", {(0, 1): unit(9, 1, number), (1, 2): unit(1, 9, number)})
    more = (
        "INSERT INTO pgvoice.segment_embedding"
        " (video_id, start_ms, end_ms, encoder_id, dimension, embedding, status)"
        " SELECT v.id, 1000 * n, 1000 * n + 1000, 1, 3,"
        " CAST(ARRAY[-cos(n + v.id), 0, sin(n + v.id)] AS vector), 'ok'"
        " FROM pgvoice.video AS v, generate_series(10, 600) AS n"
    )
    with store.database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(more))
        # Building and dropping is one statement each.
        first = "SELECT statement FROM pgvoice.segment_index_statements(1) LIMIT 14"
        for statement in connection.scalars(text(first)).all():
            connection.execute(text(statement))
    (status,) = store.index.status()
    tail = 16 * 2 + 24 * 591
    assert (status.complete, status.tail, status.invalid) == (True, tail, [])
    asked = text(
        "SELECT array_agg(ROW(video, start_s)) FROM pgvoice.similar_segments("
        ":video, 0, 1, 40, exact => :exact)"
    )
    with store.database.engine.connect() as connection:
        for video in ("v3", "v12"):
            by_index, exactly = (
                connection.scalar(asked, {"video": video, "exact": exact})
                for exact in (False, True)
            )
            assert by_index == exactly
    assert len(store.index.build().built) == PARTS - 7
    assert store.index.status()[0].tail == 0
