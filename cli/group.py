"""A group of commands: in the order written, with our errors as one line instead of a traceback."""

from __future__ import annotations

from types import TracebackType

import click

FAILED = 1
#: A segment that is no span of time; in a fill the others are stored.
INVALID_SEGMENT = 3


class Group(click.Group):
    """Lists its commands as they were added, and explains what they raise."""

    group_class = type

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            raise explained from error


def explain(error: Exception) -> click.ClickException | None:
    """What to say instead of a traceback; None for an error that pgvoice did not foresee."""
    from psycopg.errors import InsufficientPrivilege
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from pgvoice.hooks.errors import InvalidSegments
    from pgvoice.store.errors import InvalidSegment, PgvoiceError

    if isinstance(error, OperationalError):
        return click.ClickException(f"the database gave up: {_first_line(error.orig or error)}")
    if isinstance(error, ProgrammingError) and isinstance(error.orig, InsufficientPrivilege):
        return click.ClickException(
            f"this database user may not do that ({_first_line(error.orig)}):"
            " `pgvoice db roles` shows which role may"
        )
    if isinstance(error, (InvalidSegment, InvalidSegments)):
        return _InvalidSegmentFailure(str(error))
    ours = isinstance(error, ValueError) and _raised_here(error.__traceback__)
    return click.ClickException(str(error)) if ours or isinstance(error, PgvoiceError) else None


class _InvalidSegmentFailure(click.ClickException):
    exit_code = INVALID_SEGMENT


def _raised_here(traceback: TracebackType | None) -> bool:
    """Whether the error was raised by a line of pgvoice itself, not by a library that it calls."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = traceback.tb_frame.f_globals.get("__name__", "") if traceback else ""
    return str(name).startswith("pgvoice.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
