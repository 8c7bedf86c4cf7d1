"""Thresholds, and where they come from, as text."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pgvoice.cli import output
from pgvoice.store.thresholds.requirement import BandThreshold, Requirement

if TYPE_CHECKING:
    from pgvoice.store.thresholds.judging import Band


def write_rule(required: Requirement) -> None:
    """Print the encoder, the threshold and where it comes from."""
    output.say(f"encoder {required.encoder}")
    output.say(f"threshold {levels(required)}{_gallery(required)} ({_source(required)})")
    if required.margin:
        output.say(f"margin {output.similarity(required.margin)}")


def document(required: Requirement) -> dict[str, object]:
    """The fields of a requirement; ``threshold`` is null if it depends on the segment."""
    return {"threshold": required.threshold} | asdict(required)


def levels(required: Requirement) -> str:
    """The threshold, or the lowest and the highest; the library's are of a usual recording."""
    if required.threshold is not None:
        return output.similarity(required.threshold)
    values = sorted(f"{band.threshold:.2f}" for band in required.bands)
    about = "about " if required.kind == "library" else ""
    return about + " to ".join(dict.fromkeys((values[0], values[-1])))


def _gallery(required: Requirement) -> str:
    return "" if required.kind == "given" else f" for {people(required.gallery)}"


def _source(required: Requirement) -> str:
    """The source; `pgvoice thresholds` has that of an encoder's own threshold, which is long."""
    return required.kind if required.kind == "encoder default" else required.source


def people(count: int) -> str:
    """``1 person``, ``2 people``."""
    return output.counted(count, "person").replace("persons", "people")


def length(band: BandThreshold | Band) -> str:
    """The lengths that a band applies to."""
    if band.max_s is None:
        return f"from {band.min_s:g} s" if band.min_s else "for any length"
    return f"{band.min_s:g} to {band.max_s:g} s" if band.min_s else f"under {band.max_s:g} s"


def percent(rate: float | None) -> str:
    """A rate in percent, with three digits."""
    return output.NOTHING if rate is None else f"{100 * rate:.3g} %"
