"""The progress of ingests: a live table on a terminal, lines in a log, and metrics."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import click
from rich.console import Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pgvoice.cli import output, terminal
from pgvoice.cli.ingest import steps
from pgvoice.hooks.ingest.engine import Engine
from pgvoice.hooks.ingest.metrics import served
from pgvoice.store.errors import DatabaseError
from pgvoice.store.upkeep.ingests import IngestStatus

#: Seconds between two queries of the progress, for a terminal and for a log.
TERMINAL_EVERY, LOG_EVERY = 1.0, 10.0
#: Recordings under way that are shown.
MOST_STEPS = 8
#: Largest share of the time that the queries may take.
SHARE = 0.05
#: By the seconds from which they are used: the units of a duration.
_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))

#: Queries the progress.
Ask = Callable[[], list[IngestStatus]]


@contextmanager
def measured(ask: Ask, served_at: tuple[str, int] | None) -> Iterator[Ask]:
    """Gives a function that queries the progress, and serves its last result to Prometheus.

    Scrapes run no query. If the database does not answer, the last result is given again, because
    looking at an ingest must not stop it.
    """
    last: list[IngestStatus] = []

    def asked() -> list[IngestStatus]:
        nonlocal last
        with suppress(DatabaseError):
            last = ask()
        return last

    if served_at is None:
        yield asked
        return
    asked()
    with served(*served_at, lambda: last) as port:
        click.echo(f"metrics at http://{served_at[0]}:{port}/metrics", err=True)
        yield asked


@contextmanager
def shown(
    ask: Ask, engine: Engine | None = None, *, one: bool = False
) -> Iterator[Callable[[], None]]:
    """Gives a function to call after each piece of work; it shows the progress now and then.

    Of `one` recording it shows how far the engine is in it.
    """
    if not sys.stderr.isatty():
        if engine and one:
            engine.on_step = steps.in_log()
        due = _now_and_then(LOG_EVERY, lambda: _write_lines(ask()), first_after=LOG_EVERY)
        yield _nothing if one else due
        return
    console = output.error_console()
    found: list[IngestStatus] = []
    start, width = time.monotonic(), console.width

    def look() -> None:
        nonlocal found
        found = ask()

    def drawn() -> RenderableType:
        nonlocal width
        if console.width != width:
            # A resized terminal has wrapped the table into an unknown number of lines.
            width = console.width
            console.control(Control.clear(), Control.home())
        taken = f"running for {duration(time.monotonic() - start)}; Ctrl-C to stop"
        under_way = engine.steps if engine else []
        if one:
            return Group(*map(steps.bar, under_way), steps.note(taken))
        return Group(
            *map(_drawn, found), *map(steps.line, under_way[:MOST_STEPS]), steps.note(taken)
        )

    with (
        Live(console=console, get_renderable=drawn, transient=True, refresh_per_second=4),
        terminal.guarded(),
    ):
        yield _now_and_then(TERMINAL_EVERY, look)


def watch(ask: Ask) -> None:
    """Show the progress until nothing is left."""
    found = ask()

    def asked() -> list[IngestStatus]:
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


def _nothing() -> None:
    """Show nothing."""


def rate(amount: float | None) -> str:
    return output.NOTHING if amount is None else f"{amount:,.1f}"


def _now_and_then(
    every: float, what: Callable[[], None], first_after: float = 0
) -> Callable[[], None]:
    """A function that calls `what` if its last call was long enough ago."""
    due = time.monotonic() + first_after

    def call() -> None:
        nonlocal due
        start = time.monotonic()
        if start >= due:
            what()
            end = time.monotonic()
            due = end + max(every, (end - start) / SHARE)

    return call


def _drawn(status: IngestStatus) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=len("recordings"))
    table.add_column(no_wrap=True, overflow="ellipsis")
    ended = status.done + status.unlabelled + status.failed
    table.add_row(
        Text(output.printable(status.ingest), "bold", overflow="ellipsis"),
        ProgressBar(total=max(status.videos, 1), completed=ended, width=40),
    )
    for name, value in _pairs(status):
        table.add_row(name, Text(value))
    return table


def _pairs(status: IngestStatus) -> Iterator[tuple[str, str]]:
    share = (status.done + status.unlabelled + status.failed) / max(status.videos, 1)
    yield "recordings", f"{status.videos:,}, {100 * share:.1f} % done or failed"
    yield "done", f"{status.done:,}"
    if status.unlabelled:
        yield "filled", f"{status.unlabelled:,} that wait for their labels"
    yield "failed", f"{status.failed:,}"
    if status.invalid:
        yield "invalid", f"{status.invalid:,} done but for segments that are not spans of time"
    yield "left", f"{status.waiting:,}{_estimate(status)}"
    yield "vectors", f"{status.filled:,}, {rate(status.vectors_per_second)} per second"
    speech = f"{rate(status.speech_per_second)} h per hour"
    yield "speech", f"{duration(status.audio_seconds)}, {speech}"
    yield "", f"{rate(status.speech_per_work_second)} h per hour of one worker's time"


def _estimate(status: IngestStatus) -> str:
    if not status.seconds_left:
        return ""
    end = datetime.now().astimezone() + timedelta(seconds=status.seconds_left)
    return f", {duration(status.seconds_left)}; done about {end:%a %d %b %H:%M}"


def _write_lines(found: list[IngestStatus]) -> None:
    for each in found:
        click.echo(output.printable(_line(each)), err=True)


def _line(status: IngestStatus) -> str:
    return (
        f"{status.ingest}: {status.done:,} of {status.videos:,} done,"
        f"{f' {status.unlabelled:,} not labelled yet,' if status.unlabelled else ''}"
        f" {status.failed:,} failed,"
        f"{f' {status.invalid:,} with invalid segments,' if status.invalid else ''}"
        f" {status.waiting:,} left{_estimate(status)};"
        f" {rate(status.vectors_per_second)} vectors per second,"
        f" {rate(status.speech_per_second)} h of speech per hour"
    )


def write_status(found: list[IngestStatus]) -> None:
    """A table on standard output, with a row for each ingest."""
    paces = ("vectors per second", "hours per hour", "hours per worker hour")
    columns = output.numbers(
        "recordings", "done", "filled", "left", "failed", "invalid", "time left"
    )
    more = (output.number(header, 3 - place) for place, header in enumerate(paces))
    output.write_table(["ingest", *columns, *more], map(_row, found))
    click.echo(
        "\nfilled: recordings that wait for their labels;\n"
        "invalid: recordings that are done but for segments that are not spans of time;\n"
        "hours per hour: speech filled; per worker hour: of one worker's time;\n"
        "time left: at the rate of the last 10 minutes or of the last 50 recordings"
    )


def _row(status: IngestStatus) -> tuple[output.Cell, ...]:
    left = status.seconds_left
    return (
        status.ingest,
        status.videos,
        status.done,
        status.unlabelled,
        status.waiting,
        status.failed,
        status.invalid,
        None if left is None else duration(left),
        rate(status.vectors_per_second),
        rate(status.speech_per_second),
        rate(status.speech_per_work_second),
    )
