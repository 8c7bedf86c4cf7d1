"""Thresholds from the library's own turns, with nobody labelled: what they rest on, and renewal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_REFRESH = text("SELECT pgvoice.refresh_voices(NULL, :encoder)")
_FIT = text("SELECT pgvoice.refit_library(:encoder)")
_READ = text(
    "SELECT l.recordings, l.voices, l.comparisons, l.over_split, l.fitted_at,"
    " pgvoice.is_by_library(l.recordings, l.voices) FROM pgvoice.library_tail AS l"
    " WHERE l.encoder_id = :encoder"
)
_TARGET = text("SELECT target_far FROM pgvoice.setting")
_SET_TARGET = text("UPDATE pgvoice.setting SET target_far = :target")


@dataclass(frozen=True, slots=True)
class LibraryTail:
    """What thresholds from the library's own turns rest on.

    Two labels of one recording are two people, so each comparison between them is an impostor's.
    """

    #: Recordings with the clean speech of two labels or more.
    recordings: int
    #: Labels in these recordings.
    voices: int
    #: Comparisons of clean segments with the voices of other labels of their recording.
    comparisons: int
    #: Pairs of labels so similar that the diarizer probably split one person; not compared.
    over_split: int
    fitted_at: datetime
    #: Whether there are enough recordings and voices to set thresholds.
    enough: bool


def refresh(connection: Connection, encoder_id: int) -> None:
    """Compute missing voices, and fit the tail again."""
    connection.execute(_REFRESH, {"encoder": encoder_id})
    connection.execute(_FIT, {"encoder": encoder_id})


def read(connection: Connection, encoder_id: int) -> LibraryTail | None:
    """What the library's thresholds rest on; None before the first fill with labels."""
    row = connection.execute(_READ, {"encoder": encoder_id}).first()
    return None if row is None else LibraryTail(*row)


def target(connection: Connection) -> float:
    """The share of speech by people who are not enrolled that may get a name."""
    found: float = connection.scalar(_TARGET)
    return found


def set_target(connection: Connection, far: float) -> None:
    """Set the target FAR of thresholds that are not calibrated. Raises `ValueError`."""
    if not 0 < far <= 0.1:
        raise ValueError(f"a target FAR must be above 0 and at most 0.1, and {far:g} is not")
    connection.execute(_SET_TARGET, {"target": far})
