"""``--plot`` of commands that measure: from trials and thresholds to a picture of scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgvoice.cli.thresholds import rule

if TYPE_CHECKING:
    from pgvoice.cli.thresholds.rule import BandThreshold
    from pgvoice.store.thresholds.judging import Band
    from pgvoice.store.thresholds.trials import Trials


def draw(
    path: Path,
    trials: Trials,
    bands: Sequence[Band | BandThreshold],
    margin: float,
    title: str,
) -> None:
    """Write the picture, and tell on standard error where it is."""
    import numpy as np

    from pgvoice.cli.pictures import scores

    similarity, right, _ = trials.comparisons()
    searches, duration_ms = trials.searches()
    marks = [scores.Threshold(band.threshold, _told(band)) for band in bands]
    starts = np.array([round(1000 * band.min_s) for band in bands])
    values = np.array([band.threshold for band in bands])
    required = values[np.searchsorted(starts, duration_ms, side="right") - 1]
    told = marks[0].told if len(marks) == 1 else "these thresholds"
    told += f", margin {margin:.3f}" if margin else ""
    rule = scores.Rule(required, margin, told)
    scores.draw(similarity, right, searches, marks, rule, path, title)
    click.echo(f"picture in {path}", err=True)


def _told(band: Band | BandThreshold) -> str:
    length = "" if not band.min_s and band.max_s is None else f" {rule.length(band)}"
    return f"threshold {band.threshold:.3f}{length}"
