"""The base of all errors, and how messages show a segment."""

from __future__ import annotations

from collections.abc import Sequence

#: Characters of a name that a message shows.
_LONGEST = 100


class PgvoiceError(Exception):
    """Base of every error that pgvoice raises on purpose."""


class Unknown(PgvoiceError):
    """Base of the errors for a name or number that is not in the store."""

    #: What was looked up, and the command that lists all of its kind.
    kind: str
    lister: str

    def __init__(self, key: str | int) -> None:
        shown = (
            f"{key[:_LONGEST]!r}…" if isinstance(key, str) and len(key) > _LONGEST else repr(key)
        )
        super().__init__(f"no {self.kind} {shown} in the store: `{self.lister}` lists them")


def span_text(segment: Sequence[object]) -> str:
    """A segment's times in parentheses, as they were given."""
    return "(" + ", ".join(map(str, segment)) + ")"
