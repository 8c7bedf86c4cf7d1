"""From every revision, with rows in every table: down to it, and from there to the newest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, run
from pgvoice_testkit.stores import whole_library
from pgvoice_testkit.stores.filled import ENCODER
from sqlalchemy import URL, text

from pgvoice.store import VoiceStore
from pgvoice.store.database import schema

#: By table, its rows by column, as text.
Contents = dict[str, list[dict[str, str]]]
SCRIPTS = ScriptDirectory(str(Path(schema.__file__).parents[2] / "migrations"))
#: Every revision but the newest, from new to old.
OLDER = [script.revision for script in SCRIPTS.walk_revisions()][1:]
#: Tables whose rows change on the way down to a revision: thresholds of one's own came with 0010,
#: and before 0004 even a pin had one.
CHANGED = {"0009": {"attribution_run", "calibration"}, "0003": {"attribution_run"}}
#: Before, thresholds had another table, to which nothing wrote.
OLD_CALIBRATION = (
    "INSERT INTO pgvoice.calibration (encoder_id, min_ms, threshold, margin, target_far, trials)"
    " SELECT id, 0, 0.9, 0, 0.01, 1 FROM pgvoice.encoder"
)
TABLES = text(
    "SELECT CAST(relname AS text), string_agg(format('CAST(%1$I AS text) AS %1$I', attname), ', ')"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE relnamespace ="
    " CAST('pgvoice' AS regnamespace) AND relkind IN ('r', 'p') AND NOT relispartition"
    " AND relname <> 'alembic_version' AND attnum > 0 AND NOT attisdropped GROUP BY relname"
)


def _contents(url: URL) -> Contents:
    with engine_of(url) as engine, engine.connect() as connection:
        return {
            table: [
                dict(row)
                for row in connection.execute(
                    text(f"SELECT {columns} FROM pgvoice.{table}")
                ).mappings()
            ]
            for table, columns in connection.execute(TABLES).all()
        }


def _different(one: Contents, other: Contents) -> set[str]:
    """Tables of both that have not the same rows, as far as the columns of both go."""
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
    """A store with something in every table; each test takes it down by a revision."""
    with new_database(server_url, template) as database:
        with VoiceStore.open(plain(database)) as store:
            whole_library.make(store)
        yield database


@pytest.mark.parametrize("revision", OLDER)
def test_down_by_one_and_up_to_the_newest(url: URL, server_url: str, revision: str) -> None:
    newer = _contents(url)
    with engine_of(url) as engine:
        schema.downgrade(engine, revision)
        assert _different(newer, _contents(url)) == CHANGED.get(revision, set())
        if revision == "0009":
            run(engine, OLD_CALIBRATION)
    older = _contents(url)
    assert older.keys() <= newer.keys()
    assert [table for table, rows in older.items() if not rows] == []
    with new_database(server_url, url.database) as copy:
        with engine_of(copy) as engine:
            schema.upgrade(engine, consent=False)
        changed = {"calibration"} if revision < "0010" else set()
        assert _different(older, _contents(copy)) == changed
        with VoiceStore.open(plain(copy)) as store:
            assert [check for check in store.upkeep.verify() if check.problems] == []
            named = [answer.speaker for answer in store.answers.identify("v", encoder=ENCODER)]
            assert named == ["ann", "ann", None, None]
