"""Thresholds, and where they come from, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgvoice.cli import output
from pgvoice.store.thresholds.requirement import BandThreshold, Requirement

if TYPE_CHECKING:
    from pgvoice.store.thresholds.judging import Band

UNCALIBRATED = "uncalibrated"


def write_rule(required: Requirement) -> None:
    """Print the encoder, the threshold and where it comes from."""
    origin = required.source
    if origin != "given" and not required.calibrated:
        origin = f"{UNCALIBRATED}; {origin}"
    margin = f", margin {output.similarity(required.margin)}" if required.margin else ""
    value = output.similarity(required.threshold)
    if required.threshold is None:
        value = ", ".join(map(_of_band, required.bands))
    output.say(f"encoder {required.encoder}")
    output.say(f"threshold {value} ({origin}){margin}")


def _of_band(band: BandThreshold) -> str:
    return f"{output.similarity(band.threshold)} {length(band)}"


def length(band: BandThreshold | Band) -> str:
    """The lengths that a band applies to."""
    if band.max_s is None:
        return f"from {band.min_s:g} s" if band.min_s else "for any length"
    return f"{band.min_s:g} to {band.max_s:g} s" if band.min_s else f"under {band.max_s:g} s"


def percent(rate: float | None) -> str:
    """A rate in percent, with three digits."""
    return output.NOTHING if rate is None else f"{100 * rate:.3g} %"
