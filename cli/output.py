"""How answers are shown: tables for people, JSON for programs, progress for those who wait."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

if TYPE_CHECKING:
    from rich.table import Table

    from pgvoice.store.people.enrollments import Enrollment

NOTHING = "-"
#: What a table may take where there is no terminal whose width would matter.
_UNLIMITED = 10_000


class Column(NamedTuple):
    """A column of a table."""

    header: str
    justify: Literal["left", "right"] = "left"
    #: Never broken into lines, however narrow the terminal.
    whole: bool = False


def number(header: str) -> Column:
    """A column of numbers."""
    return Column(header, "right", whole=True)


def word(header: str) -> Column:
    """A column of words of a fixed vocabulary."""
    return Column(header, whole=True)


def write_json(document: object) -> None:
    """One JSON document on standard output. Raises `TypeError` for a vector."""
    click.echo(json.dumps(document, default=_plain, ensure_ascii=False, indent=2, allow_nan=False))


def write_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output, as wide as the terminal at most; one line a row in a pipe."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _UNLIMITED)
    table = _table(columns, rows)
    if console.measure(table).maximum > console.width:
        table.padding = (0, 1, 0, 0)
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()), color=True)


def _table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header, justify, whole in columns:
        table.add_column(header, justify=justify, no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def write_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each, the values under each other."""
    listed = list(pairs)
    width = max(len(name) for name, _ in listed)
    for name, value in listed:
        click.echo(f"{name:<{width}}  {printable(value)}")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Takes (done, total) and shows it on standard error; None where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """Shows on standard error that something is going on, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(label):
        yield


def clock(seconds: float) -> str:
    """``h:mm:ss.s``; hundredths where there are any."""
    centiseconds = round(seconds * 100)
    minutes, rest = divmod(centiseconds, 6000)
    places = 2 if rest % 10 else 1
    return f"{minutes // 60}:{minutes % 60:02}:{rest / 100:0{3 + places}.{places}f}"


def day(moment: datetime | None) -> str:
    """Year, month and day."""
    return NOTHING if moment is None else f"{moment:%Y-%m-%d}"


def similarity(value: float | None) -> str:
    """A cosine similarity or a difference of two."""
    return NOTHING if value is None else f"{value:.3f}"


def enrolled(added: Enrollment) -> str:
    """What an enrollment came to."""
    known = f", {added.known:,} there already" if added.known else ""
    return (
        f"{printable(added.speaker)}: {counted(added.added, 'exemplar')} added{known};"
        f" {added.exemplars:,} in all, cohesion {similarity(added.cohesion)}"
    )


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


def named(person: str | None, value: float | None) -> str:
    """A person and the similarity to them."""
    return NOTHING if person is None else f"{person} {similarity(value)}"


def short_labels(labels: Iterable[str]) -> dict[str, str]:
    """For each encoder's label the name alone, where no other label has the same name."""
    names = {label: label.partition("@")[0] for label in labels}
    uses = Counter(names.values())
    return {label: name if uses[name] == 1 else label for label, name in names.items()}


def coloured(text: str, colour: str) -> str:
    """Text for `click.echo`, which drops the colour where there is no terminal."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=colour)


def hanging(text: str, indent: int) -> str:
    """Text that goes on at `indent` in the lines that the terminal breaks it into."""
    if not sys.stdout.isatty():
        return text
    room = shutil.get_terminal_size().columns - indent
    return f"\n{' ' * indent}".join(textwrap.wrap(text, max(room, 20)) or [""])


def printable(text: str) -> str:
    """Without what would steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not belong into JSON")
