"""``--plot`` of `calibrate` and `evaluate`: a picture of scores and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from pgvoice.cli.pictures import scores
from pgvoice.cli.thresholds import rule
from pgvoice.store.thresholds.judging import Band
from pgvoice.store.thresholds.requirement import BandThreshold
from pgvoice.store.thresholds.trials import Trials


def draw(
    path: Path,
    trials: Trials,
    bands: Sequence[Band | BandThreshold],
    margin: float,
    title: str,
) -> None:
    """Write the picture, and print its path on standard error."""
    similarity, right, _ = trials.comparisons()
    searches = trials.searches()
    marks = [scores.Threshold(band.threshold, _told(band)) for band in bands]
    starts = np.array([round(1000 * band.min_s) for band in bands])
    values = np.array([band.threshold for band in bands])
    required = values[np.searchsorted(starts, searches.duration_ms, side="right") - 1]
    told = marks[0].told if len(marks) == 1 else "these thresholds"
    told += f", margin {margin:.3f}" if margin else ""
    scores.draw(
        similarity, right, searches, marks, scores.Rule(required, margin, told), path, title
    )
    click.echo(f"picture in {path}", err=True)


def _told(band: Band | BandThreshold) -> str:
    length = "" if not band.min_s and band.max_s is None else f" {rule.length(band)}"
    return f"threshold {band.threshold:.3f}{length}"
