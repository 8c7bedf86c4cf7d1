"""A label, a run of labels or a calibration does not exist or cannot be used."""

from __future__ import annotations

from collections.abc import Sequence

from pgvoice.store.errors.base import PgvoiceError, Unknown, span_text


class UnknownRun(Unknown):
    """The store has no such run of labels."""

    kind, lister = "run", "pgvoice labels runs"


class UnknownLabel(PgvoiceError):
    """A segment cannot be pinned because it is not stored, or unpinned because it has no pin."""

    def __init__(self, video: str, segment: Sequence[object], what: str) -> None:
        super().__init__(
            f"no {what} {span_text(segment)} in {video!r}: `pgvoice labels show` and"
            " `pgvoice identify` list the recording's segments"
        )


class LabelIsNoName(PgvoiceError):
    """A label that a diarizer made up was given instead of a person's name."""

    def __init__(self, label: str) -> None:
        super().__init__(
            f"{label!r} is a diarizer's label and may be an enrolled person: replace it with a name"
            " (any name that is not enrolled counts as a stranger), or leave these segments out"
        )


class UnknownCalibration(Unknown):
    """The store has no such calibration."""

    kind, lister = "calibration", "pgvoice calibrate --list"


class CalibrationUnsupported(PgvoiceError):
    """There is too little labelled speech for the requested thresholds."""
