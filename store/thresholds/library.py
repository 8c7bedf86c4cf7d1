"""Thresholds from the library's own turns, with nobody labelled: what they rest on, and renewal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_REFRESH = text("SELECT pgvoice.refresh_voices(NULL, :encoder)")
_FIT = text("SELECT pgvoice.refit_library(:encoder)")
_READ = text(
    "SELECT coalesce(l.recordings, 0), coalesce(l.voices, 0), coalesce(l.comparisons, 0),"
    " coalesce(l.over_split, 0), l.fitted_at, n.recordings, n.voices"
    " FROM pgvoice.library_needs() AS n"
    " LEFT JOIN pgvoice.library_tail AS l ON l.encoder_id = :encoder"
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
    #: None before the first fill with labels.
    fitted_at: datetime | None
    #: So many recordings and voices must there be for the library to set its own thresholds.
    needed_recordings: int
    needed_voices: int

    @property
    def missing_recordings(self) -> int:
        """Recordings with two labels or more that are missing until then."""
        return max(self.needed_recordings - self.recordings, 0)

    @property
    def missing_voices(self) -> int:
        """Labels in such recordings that are missing until then."""
        return max(self.needed_voices - self.voices, 0)


def refresh(connection: Connection, encoder_id: int) -> None:
    """Compute missing voices, and fit the tail again."""
    connection.execute(_REFRESH, {"encoder": encoder_id})
    connection.execute(_FIT, {"encoder": encoder_id})


def read(connection: Connection, encoder_id: int) -> LibraryTail:
    """What the library's thresholds rest on."""
    return LibraryTail(*connection.execute(_READ, {"encoder": encoder_id}).one())


def target(connection: Connection) -> float:
    """The share of speech by people who are not enrolled that may get a name."""
    found: float = connection.scalar(_TARGET)
    return found


def set_target(connection: Connection, far: float) -> None:
    """Set the target FAR of thresholds that are not calibrated. Raises `ValueError`."""
    if not 0 < far <= 0.1:
        raise ValueError(f"a target FAR must be above 0 and at most 0.1, and {far:g} is not")
    connection.execute(_SET_TARGET, {"target": far})
