"""How far the recordings in progress are, as people see it."""

from __future__ import annotations

import time

import click
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pgvoice.cli import output
from pgvoice.hooks.ingest.steps import OnStep, Step


def bar(step: Step) -> RenderableType:
    """A bar for a single recording."""
    table = Table.grid(padding=(0, 2, 0, 0))
    drawn = ProgressBar(total=step.total or None, completed=step.done, width=40)
    table.add_row(step.what or "starting", drawn, _reached(step))
    return table


def line(step: Step) -> RenderableType:
    """One of several recordings: ``now talk: segmenting, 2:30 of 58:00``."""
    return note(_said(step, f"now {step.video}"))


def note(said: str) -> Text:
    """A line that is cut where the terminal ends."""
    return Text(output.printable(said), "dim", no_wrap=True, overflow="ellipsis")


def in_log() -> OnStep:
    """Writes a line to standard error now and then."""
    due = time.monotonic() + output.LOG_AFTER

    def write(step: Step) -> None:
        nonlocal due
        if time.monotonic() >= due:
            click.echo(output.printable(_said(step, step.video)), err=True)
            due = time.monotonic() + output.LOG_EVERY

    return write


def place(ms: int) -> str:
    """A place in a recording: ``2:05`` or ``1:02:05``."""
    minutes, seconds = divmod(ms // 1000, 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _said(step: Step, name: str) -> str:
    return f"{name}: {step.what}, {_reached(step)}" if step.what else name


def _reached(step: Step) -> str:
    if step.what == "segmenting":
        return f"{place(step.done)} of {place(step.total)}"
    return f"{step.done:,} of {output.counted(step.total, 'segment')}" if step.what else ""
