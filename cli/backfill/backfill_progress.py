"""How far a backfill is: a live table on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from pgvoice.cli import output

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from pgvoice.store.upkeep.backfill_rows import BackfillStatus

#: Seconds between two looks at the database, for a terminal and for a log.
TERMINAL_EVERY, LOG_EVERY = 1.0, 10.0
#: Looking takes no more than this part of the time.
SHARE = 0.05
#: What takes longer than so many seconds is told in minutes, hours, days.
_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))

Ask = Callable[[], list["BackfillStatus"]]


@contextmanager
def shown(ask: Ask) -> Iterator[Callable[[], None]]:
    """Gives what is to be called whenever something was done: it asks now and then, and tells."""
    if not sys.stderr.isatty():
        yield _NowAndThen(LOG_EVERY, lambda: _write_lines(ask()), time.monotonic() + LOG_EVERY)
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    table = _LiveTable(console, ask)
    with Live(console=console, get_renderable=table.drawn, transient=True, refresh_per_second=4):
        yield _NowAndThen(TERMINAL_EVERY, table.look, time.monotonic())


def watch(ask: Ask) -> None:
    """Show it until nothing is left, or somebody ends it."""
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
    """In two units, such as ``3 h 20 min``."""
    for unit, name, part, part_name in _UNITS:
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name} {seconds % unit // part:.0f} {part_name}"
    return f"{seconds:.0f} s"


def rate(amount: float | None) -> str:
    return output.NOTHING if amount is None else f"{amount:,.1f}"


class _NowAndThen:
    """Calls something if the last time is long enough ago."""

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
        from rich.console import Group
        from rich.text import Text

        self._forget_other_width()
        so_far = duration(time.monotonic() - self._start)
        note = Text(f"for {so_far}; Ctrl-C to end", "dim", no_wrap=True, overflow="ellipsis")
        return Group(*(_drawn(each) for each in self._found), note)

    def _forget_other_width(self) -> None:
        """A terminal breaks what was drawn into other lines: nobody knows how many."""
        from rich.control import Control

        if self._console.width != self._width:
            self._width = self._console.width
            self._console.control(Control.clear(), Control.home())


def _drawn(status: BackfillStatus) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

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
    yield "vectors", f"{status.filled:,}, {rate(status.vectors_per_second)} a second"
    speech = f"{rate(status.speech_per_second)} h an hour"
    yield "speech", f"{duration(status.audio_seconds)}, {speech}"
    yield "", f"{rate(status.speech_per_work_second)} h an hour of one worker's time"


def _estimate(status: BackfillStatus) -> str:
    if not status.seconds_left:
        return ""
    end = datetime.now().astimezone() + timedelta(seconds=status.seconds_left)
    return f", {duration(status.seconds_left)}, to about {end:%a %d %b %H:%M}"


def _write_lines(found: list[BackfillStatus]) -> None:
    for each in found:
        click.echo(output.printable(_line(each)), err=True)


def _line(status: BackfillStatus) -> str:
    return (
        f"{status.backfill}: {status.done:,} of {status.videos:,} done, {status.failed:,} failed,"
        f" {status.waiting:,} left{_estimate(status)};"
        f" {rate(status.vectors_per_second)} vectors a second,"
        f" {rate(status.speech_per_second)} h of speech an hour"
    )


def write_status(found: list[BackfillStatus]) -> None:
    """A row for each, on standard output."""
    columns = [output.Column("backfill")]
    columns += [output.number(each) for each in ("recordings", "done", "failed", "left")]
    columns += [output.number(each) for each in ("a second", "an hour", "a worker", "time left")]
    output.write_table(columns, (_row(each) for each in found))
    click.echo(
        "\nvectors a second, hours of speech an hour and an hour of one worker's time;\n"
        "the time left is at the pace of the last 10 minutes, or of 50 recordings"
    )


def _row(status: BackfillStatus) -> tuple[str, ...]:
    left = status.seconds_left
    return (
        status.backfill,
        f"{status.videos:,}",
        f"{status.done:,}",
        f"{status.failed:,}",
        f"{status.waiting:,}",
        rate(status.vectors_per_second),
        rate(status.speech_per_second),
        rate(status.speech_per_work_second),
        output.NOTHING if left is None else duration(left),
    )
