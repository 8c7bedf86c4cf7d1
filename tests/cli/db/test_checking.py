"""``pgvoice db verify``, ``copy`` and ``checksums``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, run
from sqlalchemy import make_url

Call = Callable[..., Result]
SECRET = "hunter2-very-secret"


@pytest.fixture
def target(server_url: str) -> Iterator[str]:
    """A database with nothing in it, and a password that nobody asks for."""
    with new_database(server_url) as url:
        yield plain(url.set(password=SECRET))


def test_a_store_goes_elsewhere(filled: Call, target: str) -> None:
    filled("label")
    filled("index", "build")
    done = filled("db", "copy", "--to", target)
    assert done.exit_code == 0, done.output
    assert done.stdout == filled("db", "checksums", "--url", target).stdout + (
        f"\n{_rows(filled, target)} rows copied to"
        f" {make_url(target).set(drivername='postgresql').render_as_string()}; checksums agree\n"
        "indexes are not copied: run `pgvoice index build --encoder counting@sha256:fake` there\n"
    )
    here, there = filled("identify", "talk"), filled("identify", "talk", "--url", target)
    assert there.stdout == here.stdout
    assert "Ada" in here.stdout
    assert filled("db", "verify", "--url", target).exit_code == 0


def _rows(call: Call, url: str) -> int:
    tables = json.loads(call("db", "checksums", "--json", "--url", url).stdout)["tables"]
    return sum(int(table["rows"]) for table in tables)


def test_no_password_is_told(pgvoice: Call, target: str) -> None:
    in_query = make_url(target).set(password=None).update_query_dict({"password": SECRET})
    absent = make_url(target).set(database="absent")
    # The second copy that arrives brings the audit row of the first.
    for url, code in ((plain(absent), 1), (target, 0), (plain(in_query), 0), (target, 1)):
        done = pgvoice("db", "copy", "--json", "--to", url)
        assert done.exit_code == code, done.output
        assert done.output
        assert SECRET not in done.output + str(done.exception)
        if code == 0:
            there = json.loads(pgvoice("db", "checksums", "--json", "--url", url).stdout)
            assert json.loads(done.stdout)["tables"] == there["tables"]


def test_a_target_is_needed(pgvoice: Call) -> None:
    assert pgvoice("db", "copy").exit_code == 2


def test_a_clean_store(filled: Call) -> None:
    done = filled("db", "verify")
    assert done.exit_code == 0
    assert done.output.endswith("\n0 problems\n")
    document = json.loads(filled("db", "verify", "--json", "--sample", 0).output)
    assert document["ok"]
    assert {check["problems"] for check in document["checks"]} == {0}


def test_a_damaged_store(filled: Call, store_url: str) -> None:
    with engine_of(store_url) as engine:
        run(engine, "UPDATE pgvoice.fill_run SET requested = 7")
    done = filled("db", "verify")
    assert done.exit_code == 1
    assert "fill 1" in done.output
    assert done.output.endswith("\n1 problem\n")
    assert not json.loads(filled("db", "verify", "--json").output)["ok"]


def test_vectors_are_computed_again(filled: Call, talk: Path) -> None:
    done = filled("db", "verify", "--recompute", 9, "--wide")
    assert (done.exit_code, done.output.endswith("\n0 problems\n")) == (0, True)
    assert "vectors that counting@sha256:fake computes again, a sample" in done.output
    with talk.open("ab") as file:
        file.write(b"more")
    changed = filled("db", "verify", "--recompute", 9)
    assert (changed.exit_code, "3 segments not recomputed: " in changed.output) == (0, True)
    document = json.loads(filled("db", "verify", "--recompute", 9, "--json").output)
    assert (document["ok"], list(document["unheard"].values())) == (True, [3])
    assert document["checks"][-1]["looked_at"] == 0


def test_a_vector_of_other_audio(filled: Call, store_url: str) -> None:
    with engine_of(store_url) as engine:
        run(
            engine,
            "UPDATE pgvoice.segment_embedding SET start_ms = 3000 WHERE start_ms = 4000",
        )
    done = filled("db", "verify", "--recompute", 9)
    assert done.exit_code == 1
    assert "talk, 3000 to 6000 ms: similarity 0." in done.output
