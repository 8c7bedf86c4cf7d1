"""``--plot`` of commands that measure: from trials and thresholds to a picture of scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgvoice.cli import thresholds

if TYPE_CHECKING:
    from pgvoice.cli.thresholds import BandThreshold
    from pgvoice.store.judging import Band
    from pgvoice.store.trials import Trials


def draw(
    path: Path,
    trials: Trials,
    bands: Sequence[Band | BandThreshold],
    title: str,
) -> None:
    """Write the picture, and tell on standard error where it is."""
    from pgvoice.cli.pictures import scores

    similarity, right, _ = trials.comparisons()
    searches, _ = trials.searches()
    marks = [scores.Threshold(band.threshold, _told(band)) for band in bands]
    scores.draw(similarity, right, searches, marks, path, title)
    click.echo(f"picture in {path}", err=True)


def _told(band: Band | BandThreshold) -> str:
    length = "" if not band.min_s and band.max_s is None else f" {thresholds.length(band)}"
    return f"threshold {band.threshold:.3f}{length}"
