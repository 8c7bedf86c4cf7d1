"""Which threshold an answer was judged by, and where that figure is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pgvoice.cli import output

if TYPE_CHECKING:
    from pgvoice.store.encoders import StoredEncoder

#: The source of a threshold that the caller chose.
GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What was required of a segment for it to get a name."""

    encoder: str
    threshold: float
    source: str
    #: Whether the threshold was measured on this library.
    calibrated: bool
    margin: float


def yardstick(encoder: StoredEncoder, threshold: float | None, margin: float | None) -> Yardstick:
    """The encoder's own threshold, unless one is given; no margin, unless one is given."""
    label, margin = str(encoder.identity), margin or 0.0
    if threshold is not None:
        return Yardstick(label, threshold, GIVEN, False, margin)
    own = encoder.threshold
    return Yardstick(label, own.similarity, own.source, encoder.calibrated, margin)


def write(used: Yardstick) -> None:
    """For people, on standard output."""
    origin = "given" if used.source == GIVEN else f"{calibration(used.calibrated)}; {used.source}"
    margin = f", margin {output.similarity(used.margin)}" if used.margin else ""
    click.echo(f"encoder {used.encoder}")
    click.echo(f"threshold {output.similarity(used.threshold)} ({origin}){margin}")


def calibration(calibrated: bool) -> str:
    """Whether a threshold is this library's own."""
    return "calibrated" if calibrated else "uncalibrated"
