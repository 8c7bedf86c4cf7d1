"""Which threshold an answer was judged by, and where that figure is from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pgvoice.cli import output

if TYPE_CHECKING:
    from pgvoice.store.thresholds.calibration import Calibration
    from pgvoice.store.thresholds.judging import Band
    from pgvoice.store.voice_store import VoiceStore

#: The source of a threshold that the caller chose.
GIVEN = "given"
UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True, slots=True)
class BandThreshold:
    """The threshold for segments of some length."""

    min_s: float
    #: None is without end.
    max_s: float | None
    threshold: float
    #: The normalised similarity that is required instead.
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What was required of a segment for it to get a name."""

    encoder: str
    #: None where it depends on the segment's length: see `bands`.
    threshold: float | None
    source: str
    #: Whether the threshold was measured on this library.
    calibrated: bool
    margin: float
    bands: tuple[BandThreshold, ...] = ()


def yardstick(
    store: VoiceStore, encoder: str | None, threshold: float | None, margin: float | None
) -> Yardstick:
    """What is given, else what the calibration says, else the encoder's own, without margin."""
    found = store.recordings.encoder(encoder)
    label, calibration = str(found.identity), store.thresholds.active(encoder=encoder)
    if margin is None:
        margin = calibration.bands[0].margin if calibration else 0.0
    if threshold is not None:
        return Yardstick(label, threshold, GIVEN, False, margin)
    if calibration is None:
        own = found.threshold
        return Yardstick(label, own.similarity, own.source, False, margin)
    bands = tuple(BandThreshold(b.min_s, b.max_s, b.threshold, b.level) for b in calibration.bands)
    one = bands[0].threshold if len(bands) == 1 and bands[0].level is None else None
    return Yardstick(label, one, told(calibration), True, margin, bands)


def told(calibration: Calibration) -> str:
    """When a calibration was made, and for what."""
    day = f" {calibration.created_at:%Y-%m-%d}" if calibration.created_at else ""
    return f"calibrated{day} for FAR {percent(calibration.target_far)}"


def write(used: Yardstick) -> None:
    """For people, on standard output."""
    origin = used.source
    if used.source != GIVEN and not used.calibrated:
        origin = f"{UNCALIBRATED}; {used.source}"
    margin = f", margin {output.similarity(used.margin)}" if used.margin else ""
    value = of_bands(used.bands) if used.threshold is None else output.similarity(used.threshold)
    click.echo(f"encoder {used.encoder}")
    click.echo(f"threshold {value} ({origin}){margin}")


def by_length(used: Yardstick) -> Sequence[BandThreshold]:
    """The thresholds; one for all lengths where there are no bands."""
    one = [] if used.threshold is None else [BandThreshold(0.0, None, used.threshold)]
    return used.bands or one


def of_bands(bands: Sequence[BandThreshold]) -> str:
    """The threshold of each band, as words."""
    return ", ".join(
        f"{output.similarity(b.threshold)} {length(b)}"
        if b.level is None
        else f"{b.level:.2f} normalised {length(b)}"
        for b in bands
    )


def length(band: BandThreshold | Band) -> str:
    """Which lengths a band is for."""
    if band.max_s is None:
        return f"from {band.min_s:g} s" if band.min_s else "for any length"
    return f"{band.min_s:g} to {band.max_s:g} s" if band.min_s else f"under {band.max_s:g} s"


def percent(rate: float | None) -> str:
    """A rate as people read it."""
    return output.NOTHING if rate is None else f"{100 * rate:.3g} %"
