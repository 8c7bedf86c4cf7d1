"""How far a backfill is, as people see it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import Result

from pgvoice.cli.backfill import backfill_progress
from pgvoice.store import VoiceStore
from pgvoice.store.errors import DatabaseUnreachable
from pgvoice.store.upkeep.backfills import BackfillStatus, Outcome

STATUS = BackfillStatus(
    "library\x1b", 200, 50, 1, 149, 300, 7200.0, 60.0, 30.0, 10.0, 240.0, 120.0, 12_000.0,
    datetime(2026, 3, 1, tzinfo=UTC), 0,
)  # fmt: skip


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with backfill_progress.shown(lambda: [STATUS]) as tell:
        tell()
    shown = terminal.getvalue()
    assert "library\N{REPLACEMENT CHARACTER}" in shown
    assert "200, 25.5 % done or failed" in shown
    assert "149, 3 h 20 min; done about " in shown
    assert "300, 10.0 per second" in shown
    assert "2 h 0 min, 240.0 h per hour" in shown
    assert "120.0 h per hour of one worker's time" in shown


def test_lines_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with backfill_progress.shown(lambda: [STATUS]) as tell:
        tell()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(backfill_progress, "LOG_EVERY", 0.0)
    with backfill_progress.shown(lambda: [STATUS]) as tell:
        tell()
    (line,) = capsys.readouterr().err.splitlines()
    assert "50 of 200 done, 1 failed, 149 left, 3 h 20 min; done about" in line
    assert line.endswith("; 10.0 vectors per second, 240.0 h of speech per hour")
    with backfill_progress.shown(lambda: [replace(STATUS, invalid=2)]) as tell:
        tell()
    assert "1 failed, 2 with invalid segments, 149 left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.0, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (100_000, "1 d 3 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert backfill_progress.duration(seconds) == said


def test_who_only_looks_ends_no_backfill() -> None:
    answers = [[STATUS]]

    def ask() -> list[BackfillStatus]:
        if not answers:
            raise DatabaseUnreachable("gone")
        return answers.pop()

    with backfill_progress.measured(ask, None) as asked:
        assert asked() == asked() == [STATUS]


def test_status(pgvoice: Callable[..., Result], store: VoiceStore) -> None:
    store.backfills.expect("library", {"a": {}, "b": {}})
    row = pgvoice("backfill", "status", "--wide").stdout.splitlines()[1]
    assert row.split() == ["library", "2", "0", "2", "0", "0", "-", "-", "-", "-"]
    (found,) = json.loads(pgvoice("backfill", "status", "library", "--json").stdout)
    assert (found["waiting"], found["seconds_left"]) == (2, None)
    store.backfills.settle("library", [Outcome("a", None, 8, 8, 20.0, 4.0)])
    row = pgvoice("backfill", "status", "library", "--wide").stdout.splitlines()[1]
    assert row.split() == ["library", "2", "1", "1", "0", "0", "4", "s", "2.0", "5.0", "5.0"]
    store.backfills.settle("library", [Outcome("b", "no", 0, 0, 0.0, 1.0)])
    assert "library" in pgvoice("backfill", "status", "--watch").stdout
    assert "no backfill" in pgvoice("backfill", "status", "another").stdout
