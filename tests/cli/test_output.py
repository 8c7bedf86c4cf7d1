"""Tables, JSON and numbers."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click
import numpy as np
import pytest

from pgvoice.cli import output
from pgvoice.store import Exemplar, SegmentKey


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00:00.0"),
        (12.5, "0:00:12.5"),
        (59.999, "0:01:00.0"),
        (62.05, "0:01:02.05"),
        (3723.4, "1:02:03.4"),
        (360_000, "100:00:00.0"),
    ],
)
def test_clock(seconds: float, shown: str) -> None:
    assert output.clock(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (16_384, "16.4 kB"), (5e12, "5.0 TB")]
)
def test_size(count: int, shown: str) -> None:
    assert output.size(count) == shown


def test_counts_have_their_plural() -> None:
    assert output.counted(1, "segment") == "1 segment"
    assert output.counted(1200, "segment") == "1,200 segments"


def test_an_encoder_is_short_where_its_name_is_unique() -> None:
    labels = output.short_labels(["a@1", "b@1", "b@2"])
    assert labels == {"a@1": "a", "b@1": "b@1", "b@2": "b@2"}


def test_numbers_stand_right_and_long_values_lose_their_middle(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "a" * 100 + "b" * 100
    output.write_table(
        [output.Column("name"), output.number("count")], [(long, "1"), ("b", "1,000")]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) for line in lines] == [80, 80, 80]
    assert lines[1] == "a" * 36 + "…" + "b" * 36 + "      1"


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_table([output.Column("name")], [("[red]\x1b[31mEve\n",)])
    assert capsys.readouterr().out == "name\n[red]\ufffd[31mEve\ufffd\n"


def test_json_has_iso_times_and_no_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_json({"at": datetime(2024, 5, 1, tzinfo=UTC), "who": "Zoë"})
    assert capsys.readouterr().out == (
        '{\n  "at": "2024-05-01T00:00:00+00:00",\n  "who": "Zoë"\n}\n'
    )
    exemplar = Exemplar(np.ones(3, np.float32), "a", SegmentKey(0, 1000), "file")
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        output.write_json(exemplar)


def _on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is one, of 40 columns."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")


def _people() -> None:
    columns = [output.person("speaker"), output.word("reason")]
    output.write_table(columns, [("Ada", "matched"), ("(Bob)", "ambiguous")])
    output.tell("done", "green")


def test_names_and_reasons_have_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    _people()
    shown = capsys.readouterr().out
    for part in ("\x1b[1;35mAda", "\x1b[32mmatched", "\x1b[33mambiguous", "\x1b[32mdone"):
        assert part in shown
    assert "\n(Bob)" in shown


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_none_is_wanted(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    _on_a_terminal(monkeypatch)
    monkeypatch.setenv(name, value)
    _people()
    assert "\x1b" not in capsys.readouterr().out


def test_colour_in_a_pipe_only_if_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    _people()
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    _people()
    assert capsys.readouterr().out.count("\x1b[32m") == 2


def test_a_terminal_gets_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_a_terminal(monkeypatch)
    columns = [output.Column("name"), output.number("count"), output.optional("encoder", 1)]
    output.write_table(columns, [("x" * 50, "1,000", "campplus")])
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert "1,000" in lines[1]
    assert lines[2] == "(--wide also shows: encoder)"
    assert output.hanging("one two three four", 20) == "one two three four"
    assert output.hanging("one two three fourteen", 20).splitlines()[1] == " " * 20 + "fourteen"


def test_no_progress_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress_bar("filling") as progress, output.waiting("playing"):
        assert progress is None
    assert capsys.readouterr() == ("", "")


def test_a_line_of_progress_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    # One call as it begins, then two for each line.
    moments = iter([100.0, 110.0, 159.0, 160.0, 160.0, 165.0, 170.0, 170.0, 175.0])
    tell = output.log_lines("filling", lambda: next(moments))
    for done in range(6):
        tell(1000 * done, 12_000)
    assert capsys.readouterr() == ("", "filling: 2,000 of 12,000\nfilling: 4,000 of 12,000\n")
