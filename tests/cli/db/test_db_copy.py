"""``pgvoice db copy`` and ``pgvoice db checksums``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import Result
from pgvoice_testkit.servers.databases import new_database, plain
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
