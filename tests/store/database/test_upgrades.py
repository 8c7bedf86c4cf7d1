"""Upgrades from every older revision with rows in every table, and of a recorded old store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from pgvoice_testkit.servers.databases import engine_of, migrate, new_database, plain, run
from pgvoice_testkit.servers.descriptions import description, differences
from pgvoice_testkit.stores import whole_library
from pgvoice_testkit.stores.filled import ENCODER
from sqlalchemy import URL, make_url, text

from pgvoice.store import VoiceStore
from pgvoice.store.database import embedded, schema
from pgvoice.store.errors import SchemaMismatch
from pgvoice.store.models import LOCKS

#: By table, its rows; each row is text by column.
Contents = dict[str, list[dict[str, str]]]
SCRIPTS = ScriptDirectory(str(Path(schema.__file__).parents[2] / "migrations"))
#: Every revision but the newest, from new to old.
OLDER = [script.revision for script in SCRIPTS.walk_revisions()][1:]
#: Tables that the newest revision does not have; a downgrade creates them without rows.
GONE = {"cohort_voice"}
#: By the name of older revisions, that of the newest, and its columns' new names.
RENAMED = {"backfill_video": ("ingest_video", {"backfill": "ingest"})}
#: By revision, what a column's values of the newest become in it.
BEFORE = {"0034": ("ingest_video", "state", {"filled": "waiting"})}
#: By revision, the tables that the upgrade from it empties, as they are computed again.
RENEWED = {"0031": {"voice", "voice_cohort"}}
#: A dump, and the answers to the questions below.
OLD_STORE = Path(__file__).parent / "fixtures" / "store_0024"
ASKED = {
    "identify": "SELECT * FROM pgvoice.identify('one') UNION ALL"
    " SELECT * FROM pgvoice.identify('two')",
    "labels": "SELECT * FROM pgvoice.label ORDER BY video, start_s",
    "speaker_time": "SELECT * FROM pgvoice.speaker_time()",
    "profile_quality": "SELECT * FROM pgvoice.profile_quality()",
    # How many constraints there are depends on the server.
    "verify": "SELECT what, problems, example,"
    " CASE WHEN what NOT LIKE '%constraints%' THEN looked_at END AS rows FROM pgvoice.verify()"
    # The checks of that time.
    " WHERE what !~ '^(consents|erased speech|audit trail|voices|turns|unknown voices|links|words"
    "|acts|encoders)'",
    "speaker_segments": "SELECT * FROM pgvoice.speaker_segments('Ada')",
    "similar_segments": "SELECT * FROM pgvoice.similar_segments('one', 0, 2, exact => true)",
    "exemplar_similarity": "SELECT * FROM pgvoice.exemplar_similarity(1)",
    "coverage": "SELECT video, encoder, embedded, statuses, seconds FROM pgvoice.coverage()",
    "ingest_progress": "SELECT * FROM pgvoice.ingest_progress()",
}
TABLES = text(
    "SELECT CAST(relname AS text), string_agg(format('CAST(%1$I AS text) AS %1$I', attname), ', ')"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE relnamespace ="
    " CAST('pgvoice' AS regnamespace) AND relkind IN ('r', 'p') AND NOT relispartition"
    " AND relname <> 'alembic_version' AND attnum > 0 AND NOT attisdropped GROUP BY relname"
)


def _contents(url: URL) -> Contents:
    """The rows of all tables, which have the newest revision's names, and so do their columns."""
    found = Contents()
    with engine_of(url) as engine, engine.connect() as connection:
        for table, columns in connection.execute(TABLES).all():
            name, renamed = RENAMED.get(table, (table, dict[str, str]()))
            rows = connection.execute(text(f"SELECT {columns} FROM pgvoice.{table}")).mappings()
            found[name] = [{renamed.get(key, key): row[key] for key in row} for row in rows]
    return found


def _as_before(newer: Contents, revision: str) -> Contents:
    """The rows with the values that they have at a revision."""
    if revision not in BEFORE:
        return newer
    table, column, values = BEFORE[revision]
    rows = [row | {column: values.get(row[column], row[column])} for row in newer[table]]
    return newer | {table: rows}


def _different(one: Contents, other: Contents) -> set[str]:
    """Common tables that differ in the rows of their common columns."""
    return {table for table in one.keys() & other.keys() if not _same(one[table], other[table])}


def _same(one: list[dict[str, str]], other: list[dict[str, str]]) -> bool:
    if not (one and other):
        return one == other
    common = sorted(one[0].keys() & other[0].keys())
    return sorted(str([row[name] for name in common]) for row in one) == sorted(
        str([row[name] for name in common]) for row in other
    )


@pytest.fixture(scope="module")
def url(server_url: str, template: str) -> Iterator[URL]:
    """A store with rows in every table; each test downgrades it by a revision."""
    with new_database(server_url, template) as database:
        with VoiceStore.open(plain(database)) as store:
            whole_library.make(store)
        yield database


@pytest.mark.parametrize("revision", OLDER)
def test_down_by_one_and_up_to_the_newest(url: URL, server_url: str, revision: str) -> None:
    newer = _contents(url)
    with engine_of(url) as engine:
        schema.downgrade(engine, revision)
        assert _different(_as_before(newer, revision), _contents(url)) == set()
    older = _contents(url)
    assert older.keys() <= newer.keys() | GONE
    assert {table for table, rows in older.items() if not rows} <= GONE
    with new_database(server_url, url.database) as copy:
        with engine_of(copy) as engine:
            schema.upgrade(engine, consent=False)
        assert _different(older, _contents(copy)) == RENEWED.get(revision, set())
        with VoiceStore.open(plain(copy)) as store:
            for stored in store.encoders.list():
                store.thresholds.refresh(encoder=stored.identity)
            assert [check for check in store.upkeep.verify() if check.problems] == []
            named = [answer.speaker for answer in store.answers.identify("v", encoder=ENCODER)]
            # The second is pinned; of the last, somebody said so in a word, which older ones lose.
            said = "ann" if "verdict" in older else None
            assert named == ["ann", "Bob'; --", None, said]
        newest = _contents(copy)
        assert {table for table in older if not newest.get(table)} <= GONE


# A store that an older pgvoice made


@pytest.fixture
def old(server_url: str) -> Iterator[URL]:
    """A small store at revision 0024, restored from a dump."""
    with new_database(server_url) as database:
        _restore(database)
        yield database


def _restore(database: URL) -> None:
    with engine_of(database) as engine, engine.begin() as connection:
        driver_connection = connection.connection.driver_connection
        assert driver_connection is not None
        driver_connection.execute(OLD_STORE.with_suffix(".sql").read_text(encoding="utf-8"))


def _upgrade(database: URL) -> None:
    with engine_of(database) as engine:
        schema.upgrade(engine)


def test_an_old_store_asks_for_an_upgrade(old: URL) -> None:
    with pytest.raises(SchemaMismatch, match=r"revision 0024, this .*: run `pgvoice db upgrade`"):
        VoiceStore.open(plain(old))


def test_an_old_store_keeps_its_rows(old: URL) -> None:
    before = _contents(old)
    _upgrade(old)
    after = _contents(old)
    assert before.keys() - after.keys() == GONE
    before = {table: rows for table, rows in before.items() if table not in GONE}
    (setting,) = after["setting"]
    assert len(after.pop("lock")) == len(LOCKS)
    assert setting["functions"] == schema.functions_digest()
    assert {table for table in before if not after[table]} == {
        table for table in before if not before[table]
    }
    assert _different(before, after) == set()
    assert sorted(row["event_id"] for row in after["audit_link"]) == sorted(
        row["id"] for row in before["audit_event"]
    )
    assert {row["valid_until"] for row in after["profile"]} == {"infinity"}


def test_an_old_store_becomes_what_a_new_one_is(old: URL, server_url: str, template: str) -> None:
    """Tables, views, functions and rights are the same in the catalog, and equal the models."""
    _upgrade(old)
    with new_database(server_url) as new:
        migrate(new)
        with engine_of(new) as engine, engine.connect() as connection:
            expected = description(connection)
    with engine_of(old) as engine, engine.connect() as connection:
        found = description(connection)
        assert differences(connection) == []
    for what, rows in expected.items():
        assert found[what] == rows, what


def test_odd_values_in_an_old_store_are_repaired(old: URL) -> None:
    """Those that only reports read; everything else is as before."""
    with engine_of(old) as engine:
        run(
            engine,
            "UPDATE pgvoice.video SET duration_ms = -1, audio_sha256 = upper(audio_sha256)",
            """UPDATE pgvoice.fill_run SET skipped = '["x"]', device = repeat('x', 300)""",
            "INSERT INTO pgvoice.backfill_video (backfill, video, document, work_seconds,"
            " changed_at) VALUES ('b', 'odd', '{}', 'NaN', '-infinity'), ('b', 'even', '{}', 1,"
            " now())",
        )
    before = _contents(old)
    _upgrade(old)
    after = _contents(old)
    assert after["fill_run"] == []
    assert "even" in {row["video"] for row in after["ingest_video"]}
    assert "odd" not in {row["video"] for row in after["ingest_video"]}
    assert {row["duration_ms"] for row in after["video"]} == {None}
    assert all(str(row["audio_sha256"]).islower() for row in after["video"])
    changed = {"ingest_video", "fill_run", "video", "setting"}
    assert _different(before, after) <= changed
    with VoiceStore.open(plain(old)) as store:
        assert [check for check in store.upkeep.verify() if check.problems] == []
        assert store.ingests.status()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE pgvoice.encoder SET default_threshold = 1000", "default_threshold 1000"),
        ("UPDATE pgvoice.encoder SET default_threshold = 'NaN'", "default_threshold nan"),
        ("UPDATE pgvoice.encoder SET sample_rate = -1", "sample_rate -1"),
        ("UPDATE pgvoice.video SET audio_sha256 = 'abc'", "audio_sha256 abc"),
    ],
)
def test_odd_values_that_only_the_owner_can_put_right(old: URL, change: str, message: str) -> None:
    before = _contents(old)
    with engine_of(old) as engine:
        run(engine, change)
    with pytest.raises(SchemaMismatch, match=f"has {message}") as caught:
        _upgrade(old)
    assert "then upgrade again" in str(caught.value)
    assert _contents(old).keys() == before.keys()


def test_an_old_store_answers_as_it_did(old: URL) -> None:
    """The answers were recorded from the code that made the store.

    One of them has changed since: identify says what a segment is pinned to.
    """
    expected = json.loads(OLD_STORE.with_suffix(".json").read_text(encoding="utf-8"))
    _upgrade(old)
    assert expected.keys() == ASKED.keys()
    with engine_of(old) as engine, engine.connect() as connection:
        connection.execute(text("SET LOCAL timezone = 'UTC'"))
        for what, question in ASKED.items():
            answer = connection.scalar(
                text(f"SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM ({question}) AS a")
            )
            recorded = expected[what]
            columns = list(recorded[0]) if recorded else []
            assert _rounded(answer, columns) == _rounded(recorded, columns), what


def _rounded(rows: list[dict[str, object]], columns: list[str]) -> list[list[object]]:
    """Rows of these columns, with numbers rounded so that they are equal on every processor."""
    return [
        [round(value, 5) if isinstance(value := row[name], float) else value for name in columns]
        for row in rows
    ]


def test_an_old_store_of_the_embedded_server_is_upgraded_when_it_is_opened(
    data_folder: Path,
) -> None:
    _restore(make_url(embedded.start(data_folder).url))
    with VoiceStore.open(folder=data_folder) as store:
        assert [answer.speaker for answer in store.answers.identify("one")][:2] == ["Ada", "Ada"]
        assert not any(check.problems for check in store.upkeep.verify())
