"""Thresholds for another encoder: the library's own, and a calibration made in the same way."""

from __future__ import annotations

from pgvoice.hooks.switch.report import Recalibrated
from pgvoice.store.errors import CalibrationUnsupported
from pgvoice.store.recordings.encoders import StoredEncoder
from pgvoice.store.thresholds.calibration import Calibration
from pgvoice.store.voice_store import VoiceStore


def recalibrate(
    store: VoiceStore, old: StoredEncoder, new: StoredEncoder, *, again: bool
) -> Recalibrated | None:
    """Calibrate `new` as `old` is, from what people enrolled and pinned; None if `old` is not.

    A calibration of `new` that is in use stays, and one that did not meet its target is only tried
    `again` if something was computed since.
    """
    active = store.thresholds.active(encoder=old.identity)
    if active is None:
        return None
    if store.thresholds.active(encoder=new.identity) is not None:
        return Recalibrated("is in use")
    if active.uses_given:
        return Recalibrated(
            f"not made: {old.identity} was calibrated with {active.labels_from}, and labels of"
            " files are not stored",
            _command(active, new),
        )
    if not again and (tried := _tried(store, active, new)):
        return Recalibrated(_said(tried), _activates(tried))
    return _made(store, active, new)


def _made(store: VoiceStore, active: Calibration, new: StoredEncoder) -> Recalibrated:
    try:
        made = store.thresholds.calibrate(
            active.target_far,
            pinned=active.uses_pins,
            exemplars=active.uses_exemplars,
            edges=active.edges,
            encoder=new.identity,
        )
    except CalibrationUnsupported as error:
        return Recalibrated(f"not made: {error}")
    return Recalibrated(_said(made), _activates(made))


def _tried(store: VoiceStore, active: Calibration, new: StoredEncoder) -> Calibration | None:
    """The newest calibration of `new` that was made in the same way."""
    made = store.thresholds.calibrations(encoder=new.identity)
    how = active.labels_from, active.target_far, active.edges
    return next((one for one in made if (one.labels_from, one.target_far, one.edges) == how), None)


def _said(made: Calibration) -> str:
    if made.is_met:
        return f"made from {made.labels_from}"
    bound = "unbounded" if made.far_bound is None else f"only sure to be {made.far_bound:.2%}"
    return f"not in use: FAR is {bound}, and the target is {made.target_far:.2%}"


def _activates(made: Calibration) -> str | None:
    return None if made.is_met else f"pgvoice calibrate --activate {made.id}"


def _command(active: Calibration, new: StoredEncoder) -> str:
    """What calibrates in the same way, but for the files."""
    given = "pgvoice calibrate --labels FILE"
    more = " --pinned" * active.uses_pins + " --exemplars" * active.uses_exemplars
    return f"{given}{more} --target-far {active.target_far:g} --encoder {new.identity}"
