"""Diarization error rates of names against a reference, by pyannote.metrics."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pgvoice.hooks.errors import ExtraMissing
from pgvoice.hooks.extras import needs_extra

if TYPE_CHECKING:
    from pyannote.core import Annotation

#: The label of speech that nobody is named for; no name holds a line break.
UNKNOWN = "\nunknown"


class Spoken(NamedTuple):
    """Seconds of speech, and whose they are said to be."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class DiarizationError:
    """What a hypothesis gets wrong of a reference, in seconds; speech of two people counts twice.

    `confusion` is of the mapping of labels that makes it least, whatever the names are;
    `misnamed` is what it is when a label stands for itself alone.
    """

    #: Speech of the reference.
    speech: float
    missed: float
    false_alarm: float
    confusion: float
    misnamed: float

    def __add__(self, other: DiarizationError) -> DiarizationError:
        return DiarizationError(
            self.speech + other.speech,
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confusion + other.confusion,
            self.misnamed + other.misnamed,
        )

    @property
    def der(self) -> float:
        """Diarization error rate; NaN for a reference without speech."""
        return self._rate(self.confusion)

    @property
    def ier(self) -> float:
        """Identification error rate: as `der`, with labels that stand for themselves."""
        return self._rate(self.misnamed)

    def _rate(self, confused: float) -> float:
        wrong = self.missed + self.false_alarm + confused
        return wrong / self.speech if self.speech else float("nan")


def diarization_error(
    reference: Iterable[Spoken],
    hypothesis: Iterable[Spoken],
    *,
    strangers: Set[str] = frozenset(),
    collar: float = 0.0,
    skip_overlap: bool = False,
) -> DiarizationError:
    """Compare over the whole stretch that either has speech in.

    Where labels stand for themselves, `UNKNOWN` stands for the reference's `strangers`.
    `collar` seconds around each boundary of the reference, half of them on either side, are not
    judged, nor is speech of several people with `skip_overlap`. Raises `ExtraMissing`.
    """
    with needs_extra("evaluate", ExtraMissing):
        from pyannote.core import Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate
        from pyannote.metrics.identification import IdentificationErrorRate
    said, heard = list(reference), list(hypothesis)
    turns = said + heard
    if not turns:
        return DiarizationError(0.0, 0.0, 0.0, 0.0, 0.0)
    whole = Segment(min(turn.start for turn in turns), max(turn.end for turn in turns))
    by_mapping = DiarizationErrorRate(collar=collar, skip_overlap=skip_overlap)
    by_name = IdentificationErrorRate(collar=collar, skip_overlap=skip_overlap)
    span, names = Timeline([whole]), _annotation(heard)
    mapped = by_mapping(_annotation(said), names, uem=span, detailed=True)
    own = [turn._replace(label=UNKNOWN) if turn.label in strangers else turn for turn in said]
    named = by_name(_annotation(own), names, uem=span, detailed=True)
    return DiarizationError(
        speech=float(mapped["total"]),
        missed=float(mapped["missed detection"]),
        false_alarm=float(mapped["false alarm"]),
        confusion=float(mapped["confusion"]),
        misnamed=float(named["confusion"]),
    )


def _annotation(turns: Iterable[Spoken]) -> Annotation:
    from pyannote.core import Annotation, Segment

    found = Annotation()
    for track, (start, end, label) in enumerate(turns):
        found[Segment(start, end), track] = label
    return found
