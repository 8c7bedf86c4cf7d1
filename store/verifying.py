"""Whether a store is what it should be."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

#: Of the kept comparisons, how many are computed again.
SAMPLE = 10_000


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What one check found."""

    what: str
    looked_at: int
    problems: int
    #: One of the problems.
    example: str | None


def verify(connection: Connection, sample: int = SAMPLE) -> list[StoreCheck]:
    """Every check, those without a problem too."""
    rows = connection.execute(text("SELECT * FROM pgvoice.verify(:sample)"), {"sample": sample})
    return [StoreCheck(*row) for row in rows]
