"""A store of a newer pgvoice: every command says so in one sentence, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from pgvoice_testkit.commands import leaf, leaves
from pgvoice_testkit.servers import databases
from sqlalchemy import Connection, text

SAID = "the tables are at revision 9999, this pgvoice knows"
#: Do not look at the tables.
ELSEWHERE = {
    ("demo",),
    ("plugin", "list"),
    ("format", "list"),
    ("segmenter", "list"),
    ("db", "url"),
    ("db", "stop"),
    ("db", "shell"),
    ("db", "roles"),
}
#: Say it, and go on with what they can say.
GOING_ON = {("db", "status"), ("encoder", "list")}
#: What commands need beside their arguments.
NEEDED = {
    "--span": "0-1",
    "--to": "postgresql://nobody@localhost:1/x",
    "--exemplars": None,
    "--all": None,
    "--yes": None,
    "--nobody": None,
    "--older-than": "1",
    "--why": "tv",
}
GIVEN = {
    "files": ["turns.json"],
    "document": ["turns.json"],
    "paths": ["manifest.jsonl"],
    "references": ["turns.rttm"],
    "names_and_file": ["new.json"],
    "run": ["1"],
    "number": ["1"],
    "numbers": ["1", "2"],
    "psql_args": [],
}


def _call(path: tuple[str, ...]) -> list[str]:
    called = list(path)
    for parameter in leaf(path).params:
        if isinstance(parameter, click.Option) and parameter.opts[0] in NEEDED:
            value = NEEDED[parameter.opts[0]]
            called += [parameter.opts[0]] if value is None else [parameter.opts[0], value]
        elif isinstance(parameter, click.Argument) and (
            parameter.required or parameter.name in GIVEN
        ):
            called += GIVEN.get(str(parameter.name), ["v"])
    if path in (("enroll", "add"), ("voices", "different")):
        called += ["--video", "v"]
    if path == ("voices", "clip"):
        called += ["--output", "clip.wav"]
    if path == ("vectors", "import"):
        called += ["--encoder", "titanet"]
    if path == ("enroll", "split"):
        called += ["--into", "other", "--suggest"]
    return called


@pytest.fixture(scope="module", params=["with its settings", "with other settings"])
def future(
    request: pytest.FixtureRequest, server_url: str, template: str
) -> Iterator[tuple[str, Connection]]:
    """The URL of a store of the future, which no test changes, and a connection to look."""
    with (
        databases.new_database(server_url, template) as url,
        databases.engine_of(url) as engine,
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.execute(text("UPDATE pgvoice.alembic_version SET version_num = '9999'"))
        if request.param == "with other settings":
            connection.execute(text("ALTER TABLE pgvoice.setting RENAME TO settings"))
        yield databases.plain(url), connection


@pytest.fixture
def newer(
    future: tuple[str, Connection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Connection:
    """The store that commands use, in a folder with files for them."""
    url, connection = future
    monkeypatch.setenv("PGVOICE_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    Path("turns.json").write_text("[[0, 1]]")
    Path("turns.rttm").write_text("SPEAKER v 1 0 1 <NA> <NA> Ada <NA> <NA>\n")
    Path("manifest.jsonl").write_text('{"video": "v", "segments": [[0, 1]]}\n')
    return connection


@pytest.mark.parametrize("path", sorted({*leaves()} - ELSEWHERE), ids=" ".join)
@pytest.mark.usefixtures("encoder")
def test_every_command_says_it(
    newer: Connection, run: Callable[..., Result], path: tuple[str, ...]
) -> None:
    done = run(*_call(path), stdin='{"version": 1, "video": "v", "segments": []}')
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert SAID in " ".join(done.output.split()), done.output
    assert "install a newer pgvoice" in " ".join(done.output.split())
    assert (done.exit_code == 0) == (path in GOING_ON)
    assert newer.scalar(text("SELECT version_num FROM pgvoice.alembic_version")) == "9999"


@pytest.mark.usefixtures("newer")
def test_json_says_it(run: Callable[..., Result]) -> None:
    status = json.loads(run("db", "status", "--json").stdout)
    assert (status["current"], SAID in status["state"]) == (False, True)
    checks = json.loads(run("doctor", "--no-torch", "--json").stdout)["checks"]
    assert [SAID in each["detail"] for each in checks if each["state"] == "fail"] == [True]
