"""Diarization error rates of names against a reference, from pyannote.metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from pgvoice.hooks.errors import ExtraMissing, needs_extra
from pgvoice.store.turns import Turn

if TYPE_CHECKING:
    from pyannote.core import Annotation

#: The label of unnamed speech; no name contains a line break.
_UNKNOWN = "\nunknown"


@dataclass(frozen=True, slots=True)
class DiarizationError:
    """Errors of a hypothesis, in seconds; speech of two people at once counts twice.

    `confusion` is for the mapping between labels that makes it smallest; `misnamed` is the same
    with equal labels required.
    """

    #: All speech in the reference.
    speech: float
    missed: float
    false_alarm: float
    confusion: float
    misnamed: float

    def __add__(self, other: DiarizationError) -> DiarizationError:
        return DiarizationError(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )

    @property
    def der(self) -> float:
        """Diarization error rate; NaN if the reference has no speech."""
        return self._rate(self.confusion)

    @property
    def ier(self) -> float:
        """Identification error rate: `der` with equal labels required."""
        return self._rate(self.misnamed)

    def _rate(self, confused: float) -> float:
        wrong = self.missed + self.false_alarm + confused
        return wrong / self.speech if self.speech else float("nan")


def diarization_error(
    reference: Iterable[Turn],
    hypothesis: Iterable[Turn],
    *,
    strangers: Set[str] = frozenset(),
    collar: float = 0.0,
    skip_overlap: bool = False,
    regions: Sequence[tuple[float, float]] | None = None,
) -> DiarizationError:
    """Compare over the whole stretch in which either has speech, or in these regions only.

    For `misnamed`, the reference's `strangers` count as unnamed. `collar` seconds around each
    boundary of the reference, half on either side, are not judged; with `skip_overlap`, speech
    of several people at once is not either. Raises `ExtraMissing`.
    """
    with needs_extra("evaluate", ExtraMissing):
        from pyannote.core import Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate
        from pyannote.metrics.identification import IdentificationErrorRate
    said, heard = list(reference), list(hypothesis)
    turns = said + heard
    if not turns:
        return DiarizationError(0.0, 0.0, 0.0, 0.0, 0.0)
    whole = (min(turn.start for turn in turns), max(turn.end for turn in turns))
    by_mapping = DiarizationErrorRate(collar=collar, skip_overlap=skip_overlap)
    by_name = IdentificationErrorRate(collar=collar, skip_overlap=skip_overlap)
    span = Timeline([Segment(*region) for region in regions or [whole]])
    names = _annotation(heard)
    mapped = by_mapping(_annotation(said), names, uem=span, detailed=True)
    own = [replace(turn, label=None) if turn.label in strangers else turn for turn in said]
    named = by_name(_annotation(own), names, uem=span, detailed=True)
    return DiarizationError(
        speech=float(mapped["total"]),
        missed=float(mapped["missed detection"]),
        false_alarm=float(mapped["false alarm"]),
        confusion=float(mapped["confusion"]),
        misnamed=float(named["confusion"]),
    )


def _annotation(turns: Iterable[Turn]) -> Annotation:
    from pyannote.core import Annotation, Segment

    found = Annotation()
    for track, turn in enumerate(turns):
        found[Segment(turn.start, turn.end), track] = turn.label or _UNKNOWN
    return found
