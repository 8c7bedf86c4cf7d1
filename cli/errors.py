"""What the command line says instead of a traceback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType

import click
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

from pgvoice.hooks.errors import InvalidSegments
from pgvoice.store.errors import InvalidSegment, PgvoiceError
from pgvoice.store.names import flaw_of

#: Exit code for a segment that is not a span of time; a fill stores the others.
INVALID_SEGMENT = 3


class InvalidSegmentFailure(click.ClickException):
    """Some segments are not spans of time."""

    exit_code = INVALID_SEGMENT


def explain(error: Exception) -> click.ClickException | None:
    """The error as one line; None for an error that pgvoice did not foresee."""
    if isinstance(error, OperationalError):
        return click.ClickException(f"the database failed: {_first_line(error.orig or error)}")
    if isinstance(error, ProgrammingError) and isinstance(error.orig, InsufficientPrivilege):
        return click.ClickException(
            f"this database user may not do that ({_first_line(error.orig)}): connect as the user"
            " who created the tables"
        )
    if isinstance(error, DataError):
        return click.ClickException(
            f"the database cannot take a value ({_first_line(error.orig or error)}): give a"
            " smaller number, or a text without NUL"
        )
    if isinstance(error, UnicodeEncodeError):
        text, flaw = ascii(error.object)[:60], flaw_of(str(error.object))
        return click.ClickException(f"{text} has {flaw} and cannot be stored: use UTF-8")
    if isinstance(error, OSError) and error.filename is not None:
        return click.ClickException(
            f"{error.filename!r}: {error.strerror}: check the path and its permissions"
        )
    if isinstance(error, (InvalidSegment, InvalidSegments)):
        return InvalidSegmentFailure(str(error))
    ours = isinstance(error, ValueError) and _raised_by_pgvoice(error.__traceback__)
    return click.ClickException(str(error)) if ours or isinstance(error, PgvoiceError) else None


def invalid_rows(errors: Sequence[InvalidSegment]) -> list[dict[str, object]]:
    """Invalid segments for a JSON document; a time that is not finite is null."""
    return [
        {"index": error.index, "start": start, "end": end, "why": error.why}
        for error in errors
        for start, end in [map(finite, error.segment)]
    ]


def finite(seconds: object) -> object:
    """The time, or None for what JSON cannot hold."""
    return None if isinstance(seconds, float) and not math.isfinite(seconds) else seconds


def _raised_by_pgvoice(traceback: TracebackType | None) -> bool:
    """Whether a line of pgvoice itself raised the error, not a library that it calls."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = traceback.tb_frame.f_globals.get("__name__", "") if traceback else ""
    return str(name).startswith("pgvoice.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
