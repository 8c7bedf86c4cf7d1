"""How answers are shown: tables for people, JSON for programs, progress on a terminal."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from pgvoice.cli import terminal
from pgvoice.cli.tables import columns, drawing
from pgvoice.cli.tables.wide import is_wide
from pgvoice.store.answers.appearances import Appearance
from pgvoice.store.answers.identify import Identification
from pgvoice.store.answers.similar import SimilarSegment
from pgvoice.store.labels.current import Label

if TYPE_CHECKING:
    from pgvoice.hooks.labels_import import NameChange

NOTHING = columns.NOTHING
#: Width of a table that is not printed on a terminal.
_PIPE = 80
Column = columns.Column
#: Seconds until the first line of progress in a log, so that only long work writes any, and between
#: two lines.
LOG_AFTER, LOG_EVERY = 60.0, 10.0
Item = TypeVar("Item")
#: An integer is printed with thousands separators, a float as a similarity, None as ``-``.
Cell = str | int | float | None


#: A string is the header of a column of text.
Columns = Sequence[str | Column]

#: The kinds of columns.
number, numbers, word = columns.number, columns.numbers, columns.word
person, encoder = columns.person, columns.encoder
optional, explanation = columns.optional, columns.explanation


def write_json(document: object) -> None:
    """One JSON document on standard output. Raises `TypeError` for a vector."""
    written = json.dumps(document, default=_plain, ensure_ascii=False, indent=2, allow_nan=False)
    click.echo(terminal.escaped(written))


def write_document(text: str) -> None:
    """A document on standard output: exactly as it is, unless that is a terminal."""
    stream = sys.stdout if sys.stdout.isatty() else terminal.unguarded(sys.stdout)
    click.echo(text, stream, nl=False, color=True)


def write(found: Item, as_json: bool, show: Callable[[Item], None]) -> None:
    """The answer as JSON, or as `show` prints it."""
    (write_json if as_json else show)(found)


def write_list(
    found: Sequence[Item],
    as_json: bool,
    columns: Columns,
    row: Callable[[Item], Sequence[Cell]],
    nothing: str,
) -> None:
    """A table with a row per item, or the items as JSON; `nothing` instead of an empty table."""
    if as_json:
        write_json(found)
    elif found:
        write_table(columns, map(row, found))
    else:
        click.echo(nothing)


def write_table(shown: Columns, rows: Iterable[Sequence[Cell]]) -> None:
    """A table on standard output, no wider than the terminal, or than 80 columns in a pipe.

    ``--wide`` shows every column and value in full, a line per row.
    """
    drawn = drawing.draw(
        [Column(column) if isinstance(column, str) else column for column in shown],
        [[printable(_shown(cell)) for cell in row] for row in rows],
        None if is_wide() else _width(),
        _console(),
    )
    click.echo(drawn.text, terminal.unguarded(sys.stdout), color=True)
    if drawn.left_out and sys.stdout.isatty():
        click.echo(f"(--wide also shows: {', '.join(drawn.left_out)})")


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE


def _console(stream: TextIO | None = None) -> Console:
    """Draws in colour on a terminal, or with FORCE_COLOR; never with NO_COLOR or TERM=dumb."""
    return Console(file=stream, color_system=None if os.environ.get("NO_COLOR") else "auto")


def _shown(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:,}" if isinstance(cell, int) else similarity(cell)


def write_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each, the values aligned."""
    listed = list(pairs)
    width = max(len(name) for name, _ in listed)
    for name, value in listed:
        click.echo(f"{name:<{width}}  {printable(value)}")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Gives a function of (done, total) that draws on standard error, None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=error_console(), transient=True) as progress,
        terminal.guarded(),
    ):
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function of (done, total): a bar on a terminal, a line now and then in a log."""
    with progress_bar(label) as bar:
        yield bar or log_lines(label)


def log_lines(
    label: str, clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """A function of (done, total) that writes a line to standard error now and then."""
    due = clock() + LOG_AFTER

    def tell(done: int, total: int) -> None:
        nonlocal due
        if clock() >= due:
            click.echo(f"{label}: {done:,} of {total:,}", err=True)
            due = clock() + LOG_EVERY

    return tell


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """Shows activity on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with error_console().status(label), terminal.guarded():
        yield


def error_console() -> Console:
    """Draws on standard error; what is printed meanwhile must be guarded again."""
    return _console(terminal.unguarded(sys.stderr))


def clock(seconds: float) -> str:
    """``h:mm:ss.s``, with hundredths unless they are zero."""
    centiseconds = round(seconds * 100)
    minutes, rest = divmod(centiseconds, 6000)
    places = 2 if rest % 10 else 1
    return f"{minutes // 60}:{minutes % 60:02}:{rest / 100:0{3 + places}.{places}f}"


def day(moment: datetime | None) -> str:
    """Year, month and day in this machine's zone."""
    return NOTHING if moment is None else f"{moment.astimezone():%Y-%m-%d}"


def last_day(end: datetime | None) -> str:
    """The last day before something ends, in this machine's zone."""
    return NOTHING if end is None else day(end - timedelta(microseconds=1))


def similarity(value: float | None) -> str:
    """A cosine similarity or a difference of two."""
    return NOTHING if value is None else f"{value:.3f}"


def author(user: str, on_behalf_of: str | None) -> str:
    """Who did something: a database user, after the person for whom that user did it, if any."""
    return user if on_behalf_of is None else f"{on_behalf_of} (via {user})"


def size(count: int) -> str:
    """Bytes, in the unit that fits."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def counted(count: int, noun: str) -> str:
    """``1 segment``, ``2 segments``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def done(verb: str, dry_run: bool) -> str:
    """``deleted``, or ``would be deleted``."""
    return f"would be {verb}" if dry_run else verb


def named(person: str | None, value: float | None) -> str:
    """A person and the similarity to them."""
    return NOTHING if person is None else f"{person} {similarity(value)}"


def short_labels(labels: Iterable[str]) -> dict[str, str]:
    """For each encoder's label its name alone, unless another label has the same name.

    That vectors were imported is always shown.
    """
    names = {label: _short(label) for label in labels}
    uses = Counter(names.values())
    return {label: name if uses[name] == 1 else label for label, name in names.items()}


def _short(label: str) -> str:
    name, _, revision = label.partition("@")
    _, _, preprocessing = revision.rpartition("/")
    return f"{name}/{preprocessing}" if preprocessing.startswith("imported") else name


def coloured(text: str, style: str) -> str:
    """Text in a style, in rich's words; only where `write_table` would use colours."""
    with (console := _console()).capture() as capture:
        console.print(Text(printable(text), style=style), soft_wrap=True, end="")
    return capture.get()


def tell(text: str, style: str) -> None:
    """A line on standard output in a style."""
    click.echo(coloured(text, style), terminal.unguarded(sys.stdout), color=True)


def say(text: str) -> None:
    """A line on standard output, wrapped between words if that is a terminal."""
    click.echo(hanging(printable(text), 0))


def hanging(text: str, indent: int) -> str:
    """Text wrapped to the terminal, with the second and later lines indented."""
    if not sys.stdout.isatty():
        return text
    room = shutil.get_terminal_size().columns - indent
    return f"\n{' ' * indent}".join(textwrap.wrap(text, max(room, 20)) or [""])


def printable(text: str) -> str:
    """Text without characters that control the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def in_seconds(
    answer: Identification | Appearance | SimilarSegment | Label | NameChange,
) -> dict[str, object]:
    """The fields of an answer, with ``start`` and ``end`` in seconds instead of milliseconds."""
    times = {"start_ms": ("start", answer.start), "end_ms": ("end", answer.end)}
    return dict(times.get(name, (name, value)) for name, value in asdict(answer).items())


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
