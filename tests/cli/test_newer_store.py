"""A store of a newer pgvoice: every command says so in one sentence, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result
from pgvoice_testkit.commands import leaf, leaves
from pgvoice_testkit.servers.databases import engine_of, run
from sqlalchemy import text

SAID = "the tables are at revision 9999, this pgvoice knows"
#: Do not look at the tables.
ELSEWHERE = {("demo",), ("plugin", "list"), ("db", "url"), ("db", "shell"), ("db", "roles")}
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
}
GIVEN = {
    "files": ["turns.json"],
    "manifest": ["manifest.jsonl"],
    "references": ["turns.rttm"],
    "names_and_file": ["new.json"],
    "run": ["1"],
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
    if path == ("enroll", "add"):
        called += ["--video", "v"]
    return called


@pytest.fixture(params=["with its settings", "with other settings"])
def newer(
    request: pytest.FixtureRequest,
    store_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The URL of a store of the future."""
    with engine_of(store_url) as engine:
        run(engine, "UPDATE pgvoice.alembic_version SET version_num = '9999'")
        if request.param == "with other settings":
            run(engine, "ALTER TABLE pgvoice.setting RENAME TO settings")
    monkeypatch.chdir(tmp_path)
    Path("turns.json").write_text("[[0, 1]]")
    Path("turns.rttm").write_text("SPEAKER v 1 0 1 <NA> <NA> Ada <NA> <NA>\n")
    Path("manifest.jsonl").write_text('{"video": "v", "segments": [[0, 1]]}\n')
    return store_url


@pytest.mark.parametrize("path", sorted({*leaves()} - ELSEWHERE), ids=" ".join)
@pytest.mark.usefixtures("encoder")
def test_every_command_says_it(
    newer: str, pgvoice: Callable[..., Result], path: tuple[str, ...]
) -> None:
    done = pgvoice(*_call(path), stdin='{"version": 1, "video": "v", "segments": []}')
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert SAID in " ".join(done.output.split()), done.output
    assert "install a newer pgvoice" in " ".join(done.output.split())
    assert (done.exit_code == 0) == (path in GOING_ON)
    with engine_of(newer) as engine, engine.connect() as connection:
        found = connection.scalar(text("SELECT version_num FROM pgvoice.alembic_version"))
        assert found == "9999"


def test_json_says_it(newer: str, pgvoice: Callable[..., Result]) -> None:
    status = json.loads(pgvoice("db", "status", "--json").stdout)
    assert newer
    assert (status["current"], SAID in status["state"]) == (False, True)
    checks = json.loads(pgvoice("doctor", "--no-torch", "--json").stdout)["checks"]
    assert [SAID in each["detail"] for each in checks if each["state"] == "fail"] == [True]
