"""How similar the same and different people are in a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

#: Exemplars and their own person's others; exemplars and other people's profiles; two labels of one
#: recording, who are two people.
ScoreKind = Literal["same person", "other people", "labels of one recording"]
_HISTOGRAM = text("SELECT * FROM pgvoice.score_histogram(:encoder)")


@dataclass(frozen=True, slots=True)
class ScoreBin:
    """How many comparisons have a similarity in a stretch."""

    kind: ScoreKind
    #: Inclusive, and exclusive but for 1.
    start: float
    end: float
    comparisons: int


def histogram(connection: Connection, encoder_id: int) -> list[ScoreBin]:
    """Counts by kind and stretch of 0.05, in rising order; stretches without any are left out."""
    return [ScoreBin(*row) for row in connection.execute(_HISTOGRAM, {"encoder": encoder_id})]
