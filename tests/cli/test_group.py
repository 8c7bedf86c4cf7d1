"""Errors: ours are one line on standard error, others keep their traceback."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result
from pgvoice_testkit.commands import Path, leaf, leaves

from pgvoice.cli.errors import explain
from pgvoice.cli.group import Group
from pgvoice.store import InvalidSegment, UnknownVideo
from pgvoice.store.keys import snap_ms


def _raising(error: Exception) -> click.Group:
    group = Group("root")

    @group.command("go")
    def go() -> None:
        raise error

    return group


def test_our_errors_are_one_line_and_exit_code_1() -> None:
    result = CliRunner().invoke(_raising(UnknownVideo("talk")), ["go"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: no video 'talk'")


def test_an_invalid_segment_is_exit_code_3() -> None:
    result = CliRunner().invoke(_raising(InvalidSegment(0, (2, 1), "it ends before")), ["go"])
    assert result.exit_code == 3


def test_a_value_error_of_ours_is_explained_and_one_of_others_is_not() -> None:
    with pytest.raises(ValueError, match="not a time") as ours:
        snap_ms(float("nan"))
    assert explain(ours.value) is not None
    with pytest.raises(ValueError, match="invalid literal") as other:
        int("x")
    assert explain(other.value) is None


def test_an_unforeseen_error_keeps_its_traceback() -> None:
    result = CliRunner().invoke(_raising(ZeroDivisionError("oh")), ["go"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_usage_errors_and_aborts_pass() -> None:
    assert CliRunner().invoke(_raising(click.UsageError("so not")), ["go"]).exit_code == 2
    aborted = CliRunner().invoke(_raising(click.Abort()), ["go"])
    assert (aborted.exit_code, aborted.stderr) == (1, "Aborted!\n")


def test_an_unreachable_database_is_explained(run: Callable[..., Result]) -> None:
    result = run("enroll", "list", "--json", "--url", "postgresql://me:secret@127.0.0.1:1/none")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "no database answers at" in result.stderr
    assert "secret" not in result.stderr


def test_a_schema_that_is_not_there_is_explained(
    run: Callable[..., Result], server_url: str
) -> None:
    result = run("cache", "stats", "--url", server_url)
    assert result.exit_code == 1
    assert "run `pgvoice db upgrade`" in result.stderr


def test_errors_are_plain_with_json_too(pgvoice: Callable[..., Result]) -> None:
    result = pgvoice("identify", "talk", "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.stderr)


@pytest.mark.parametrize("path", list(leaves()), ids=" ".join)
def test_what_takes_one_value_is_given_once(run: Callable[..., Result], path: Path) -> None:
    for option in leaf(path).params:
        if not isinstance(option, click.Option):
            continue
        once = [option.opts[-1]] if option.is_flag else [f"{option.opts[-1]}=x"]
        again = option.secondary_opts or once
        done = run(*path, *once, *again, "--help")
        repeatable = option.multiple or (option.is_flag and not option.secondary_opts)
        assert done.exit_code == (0 if repeatable else 2), option.name
        assert repeatable or f"{option.opts[0]}" in done.stderr
        assert repeatable or " is given 2 times: give it once." in done.stderr


def test_a_setting_of_the_environment_is_no_repetition() -> None:
    group = Group("root")

    @group.command("go")
    @click.option("--name", envvar="NAME_OF_A_TEST")
    def go(name: str) -> None:
        click.echo(name)

    done = CliRunner().invoke(group, ["go", "--name", "b"], env={"NAME_OF_A_TEST": "a"})
    assert done.stdout == "b\n"
    assert CliRunner().invoke(group, ["go", "--name", "a", "--name", "b"]).exit_code == 2
