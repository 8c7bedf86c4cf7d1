"""What the benchmark of diarization counts, on made-up turns whose errors are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pgvoice_benchmarks.diarizing import conversations, hypotheses, naming, report, sets
from pgvoice_benchmarks.diarizing.hypotheses import Found
from pgvoice_benchmarks.diarizing.scoring import LENIENT, STRICT, Score, score, together
from pgvoice_benchmarks.naming.recordings import Recording

from pgvoice.store import Turn

#: Ada for 4 s, Bo for 4 s, with 1 s in which both speak; nobody in the last 3 s.
REFERENCE = [Turn(0, 4, "Ada"), Turn(3, 7, "Bo")]
REGIONS = [(0.0, 10.0)]


def _both(found: list[Turn]) -> tuple[float, float]:
    """DER in percent, lenient and strict."""
    one = score(REFERENCE, found, REGIONS)
    return round(one.percent(LENIENT), 6), round(one.percent(STRICT), 6)


@pytest.mark.parametrize(
    ("found", "lenient", "strict"),
    [
        # 2.5 s of Ada and 2.5 s of Bo are judged leniently, 8 s strictly.
        ([Turn(0, 4, "x"), Turn(3, 7, "y")], 0, 0),
        # The overlap was missed.
        ([Turn(0, 3, "x"), Turn(3, 7, "y")], 0, 100 * 1 / 8),
        # Boundaries are off by less than .25 s.
        ([Turn(0.2, 4, "x"), Turn(3, 7.2, "y")], 0, 100 * 0.4 / 8),
        # Half a second longer, a quarter of which is judged leniently.
        ([Turn(0, 4, "x"), Turn(3, 7.5, "y")], 100 * 0.25 / 5.25, 100 * 0.5 / 8),
        # Everybody is one person.
        ([Turn(0, 7, "x")], 100 * 2.5 / 5.25, 100 * 4 / 8),
        # Nobody was heard.
        ([], 100, 100),
        # Somebody is heard to the end of the file.
        ([Turn(0, 4, "x"), Turn(3, 7, "y"), Turn(8, 12, "z")], 100 * 2 / 5.25, 100 * 2 / 8),
    ],
)
def test_error_rates(found: list[Turn], lenient: float, strict: float) -> None:
    assert _both(found) == (pytest.approx(lenient), pytest.approx(strict))
