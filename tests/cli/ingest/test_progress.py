"""How far an ingest is, as people see it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import Result
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.cli import output
from pgvoice.cli.ingest import progress
from pgvoice.hooks.ingest.engine import Here
from pgvoice.hooks.ingest.steps import Step
from pgvoice.store import VoiceStore
from pgvoice.store.errors import DatabaseUnreachable
from pgvoice.store.upkeep.ingests import IngestStatus, Outcome

STATUS = IngestStatus(
    "library\x1b", 200, 50, 1, 149, 0, 300, 7200.0, 60.0, 30.0, 10.0, 240.0, 120.0, 12_000.0,
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
    with progress.shown(lambda: [STATUS]) as tell:
        tell()
    shown = terminal.getvalue()
    assert "library\N{REPLACEMENT CHARACTER}" in shown
    assert "200, 25.5 % done or failed" in shown
    assert "149, 3 h 20 min; done about " in shown
    assert "300, 10.0 per second" in shown
    assert "2 h 0 min, 240.0 h per hour" in shown
    assert "120.0 h per hour of one worker's time" in shown


class _Busy(Here):
    """An engine that is doing something with several recordings."""

    now: tuple[Step, ...] = ()

    @property
    def steps(self) -> list[Step]:
        return list(self.now)


@pytest.mark.parametrize(
    ("step", "one", "said"),
    [
        (Step("talk"), True, "starting"),
        (Step("talk", "segmenting", 125_900, 3_725_000), True, "2:05 of 1:02:05"),
        (Step("talk", "filling", 1200, 3400), True, "1,200 of 3,400 segments"),
        (Step("talk", "segmenting", 5_000, 60_000), False, "now talk: segmenting, 0:05 of 1:00"),
        (Step("talk\x1b", "filling", 0, 1), False, "now talk\N{REPLACEMENT CHARACTER}: filling, 0"),
        (Step("talk"), False, "now talk"),
    ],
)
def test_the_recording_in_progress(
    store: VoiceStore, monkeypatch: pytest.MonkeyPatch, step: Step, one: bool, said: str
) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    engine = _Busy(store, CountingEncoder)
    engine.now = (step,)
    with progress.shown(lambda: [STATUS], engine, one=one) as tell:
        tell()
    assert said in terminal.getvalue()
    assert ("200, 25.5 % done" in terminal.getvalue()) != one


def test_a_log_says_how_far_a_single_recording_is(
    store: VoiceStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Here(store, CountingEncoder)
    monkeypatch.setattr(output, "LOG_AFTER", 0.0)
    with progress.shown(lambda: [STATUS], engine, one=True) as tell:
        for done in (60_000, 61_000):
            engine.on_step(Step("talk", "segmenting", done, 120_000))
            tell()
    assert capsys.readouterr().err == "talk: segmenting, 1:00 of 2:00\n"


def test_lines_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.shown(lambda: [STATUS]) as tell:
        tell()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LOG_EVERY", 0.0)
    with progress.shown(lambda: [STATUS]) as tell:
        tell()
    (line,) = capsys.readouterr().err.splitlines()
    assert "50 of 200 done, 1 failed, 149 left, 3 h 20 min; done about" in line
    assert line.endswith("; 10.0 vectors per second, 240.0 h of speech per hour")
    with progress.shown(lambda: [replace(STATUS, invalid=2)]) as tell:
        tell()
    assert "1 failed, 2 with invalid segments, 149 left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.0, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (100_000, "1 d 3 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert progress.duration(seconds) == said


def test_who_only_looks_ends_no_ingest() -> None:
    answers = [[STATUS]]

    def ask() -> list[IngestStatus]:
        if not answers:
            raise DatabaseUnreachable("gone")
        return answers.pop()

    with progress.measured(ask, None) as asked:
        assert asked() == asked() == [STATUS]


def test_status(pgvoice: Callable[..., Result], store: VoiceStore) -> None:
    store.ingests.expect("library", {"a": {}, "b": {}})
    row = pgvoice("ingest", "status", "--wide").stdout.splitlines()[1]
    assert row.split() == ["library", "2", "0", "0", "2", "0", "0", "-", "-", "-", "-"]
    (found,) = json.loads(pgvoice("ingest", "status", "library", "--json").stdout)
    assert (found["waiting"], found["seconds_left"]) == (2, None)
    store.ingests.settle("library", [Outcome("a", None, 8, 8, 20.0, 4.0)])
    row = pgvoice("ingest", "status", "library", "--wide").stdout.splitlines()[1]
    assert row.split() == ["library", "2", "0", "1", "1", "0", "0", "4", "s", "2.0", "5.0", "5.0"]
    store.ingests.settle("library", [Outcome("b", "no", 0, 0, 0.0, 1.0)])
    assert "library" in pgvoice("ingest", "status", "--watch").stdout
    assert "no ingest" in pgvoice("ingest", "status", "another").stdout
