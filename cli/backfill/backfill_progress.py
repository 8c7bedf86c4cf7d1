"""The progress of backfills: a live table on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import click
from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pgvoice.cli import output
from pgvoice.store.upkeep.backfills import BackfillStatus

#: Seconds between two queries of the progress, for a terminal and for a log.
TERMINAL_EVERY, LOG_EVERY = 1.0, 10.0
#: Largest share of the time that the queries may take.
SHARE = 0.05
#: By the seconds from which they are used: the units of a duration.
_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))

#: Queries the progress.
Ask = Callable[[], list[BackfillStatus]]


@contextmanager
def shown(ask: Ask) -> Iterator[Callable[[], None]]:
    """Gives a function to call after each piece of work; it shows the progress now and then."""
    if not sys.stderr.isatty():
        yield _NowAndThen(LOG_EVERY, lambda: _write_lines(ask()), time.monotonic() + LOG_EVERY)
        return
    console = Console(stderr=True)
    table = _LiveTable(console, ask)
    with Live(console=console, get_renderable=table.drawn, transient=True, refresh_per_second=4):
        yield _NowAndThen(TERMINAL_EVERY, table.look, time.monotonic())


def watch(ask: Ask) -> None:
    """Show the progress until nothing is left."""
    found = ask()

    def asked() -> list[BackfillStatus]:
        nonlocal found
        found = ask()
        return found

    with shown(asked) as tell:
        while any(each.waiting for each in found):
            tell()
            time.sleep(TERMINAL_EVERY)


def duration(seconds: float) -> str:
    """A duration in two units, such as ``3 h 20 min``."""
    for unit, name, part, part_name in _UNITS:
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name} {seconds % unit // part:.0f} {part_name}"
    return f"{seconds:.0f} s"


def rate(amount: float | None) -> str:
    return output.NOTHING if amount is None else f"{amount:,.1f}"


class _NowAndThen:
    """Calls a function if the last call was long enough ago."""

    def __init__(self, every: float, what: Callable[[], None], first: float) -> None:
        self._every, self._what, self._next = every, what, first

    def __call__(self) -> None:
        start = time.monotonic()
        if start >= self._next:
            self._what()
            end = time.monotonic()
            self._next = end + max(self._every, (end - start) / SHARE)


class _LiveTable:
    def __init__(self, console: Console, ask: Ask) -> None:
        self._console, self._ask = console, ask
        self._found: list[BackfillStatus] = []
        self._start, self._width = time.monotonic(), console.width

    def look(self) -> None:
        self._found = self._ask()

    def drawn(self) -> RenderableType:
        self._forget_other_width()
        so_far = duration(time.monotonic() - self._start)
        note = Text(
            f"running for {so_far}; Ctrl-C to stop", "dim", no_wrap=True, overflow="ellipsis"
        )
        return Group(*(_drawn(each) for each in self._found), note)

    def _forget_other_width(self) -> None:
        """Clear a resized terminal: it has wrapped the table into an unknown number of lines."""
        if self._console.width != self._width:
            self._width = self._console.width
            self._console.control(Control.clear(), Control.home())


def _drawn(status: BackfillStatus) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=len("recordings"))
    table.add_column(no_wrap=True, overflow="ellipsis")
    ended = status.done + status.failed
    table.add_row(
        Text(output.printable(status.backfill), "bold", overflow="ellipsis"),
        ProgressBar(total=max(status.videos, 1), completed=ended, width=40),
    )
    for name, value in _pairs(status):
        table.add_row(name, Text(value))
    return table


def _pairs(status: BackfillStatus) -> Iterator[tuple[str, str]]:
    share = (status.done + status.failed) / max(status.videos, 1)
    yield "recordings", f"{status.videos:,}, {100 * share:.1f} % done or failed"
    yield "done", f"{status.done:,}"
    yield "failed", f"{status.failed:,}"
    yield "left", f"{status.waiting:,}{_estimate(status)}"
    yield "vectors", f"{status.filled:,}, {rate(status.vectors_per_second)} per second"
    speech = f"{rate(status.speech_per_second)} h per hour"
    yield "speech", f"{duration(status.audio_seconds)}, {speech}"
    yield "", f"{rate(status.speech_per_work_second)} h per hour of one worker's time"


def _estimate(status: BackfillStatus) -> str:
    if not status.seconds_left:
        return ""
    end = datetime.now().astimezone() + timedelta(seconds=status.seconds_left)
    return f", {duration(status.seconds_left)}; done about {end:%a %d %b %H:%M}"


def _write_lines(found: list[BackfillStatus]) -> None:
    for each in found:
        click.echo(output.printable(_line(each)), err=True)


def _line(status: BackfillStatus) -> str:
    return (
        f"{status.backfill}: {status.done:,} of {status.videos:,} done, {status.failed:,} failed,"
        f" {status.waiting:,} left{_estimate(status)};"
        f" {rate(status.vectors_per_second)} vectors per second,"
        f" {rate(status.speech_per_second)} h of speech per hour"
    )


def write_status(found: list[BackfillStatus]) -> None:
    """A table on standard output, with a row for each backfill."""
    numbers = ("recordings", "done", "failed", "left", "vectors/s", "speech", "per worker")
    output.write_table(["backfill", *output.numbers(*numbers, "time left")], map(_row, found))
    click.echo(
        "\nspeech: hours filled per hour; per worker: the same per hour of one worker's time;\n"
        "time left: at the rate of the last 10 minutes or of the last 50 recordings"
    )


def _row(status: BackfillStatus) -> tuple[output.Cell, ...]:
    left = status.seconds_left
    return (
        status.backfill,
        status.videos,
        status.done,
        status.failed,
        status.waiting,
        rate(status.vectors_per_second),
        rate(status.speech_per_second),
        rate(status.speech_per_work_second),
        None if left is None else duration(left),
    )
