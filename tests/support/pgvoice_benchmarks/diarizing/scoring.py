"""How wrong turns are: DER by pyannote.metrics in four ways, JER, and the number of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import JaccardErrorRate

from pgvoice.hooks.evaluate.diarization import DiarizationError, diarization_error
from pgvoice.store import Turn


class Way(NamedTuple):
    """A way of judging turns."""

    name: str
    #: As pyannote.metrics counts it: half of it on either side of each boundary of the reference.
    collar: float
    skip_overlap: bool


LENIENT = Way("collar .25, no overlap", 0.5, True)
STRICT = Way("collar 0, overlap", 0.0, False)
WAYS = (
    LENIENT,
    Way("collar .25, overlap", 0.5, False),
    Way("collar 0, no overlap", 0.0, True),
    STRICT,
)


@dataclass(frozen=True, slots=True)
class Score:
    """The errors of some recordings; sums of seconds, so that rates are weighted by speech."""

    errors: dict[Way, DiarizationError]
    #: The sum of the Jaccard errors of the reference's people.
    jaccard: float
    people: int
    found: int
    files: int
    #: The files in which as many people were found as the reference has.
    right: int

    def __add__(self, other: Score) -> Score:
        return Score(
            {way: self.errors[way] + other.errors[way] for way in WAYS},
            self.jaccard + other.jaccard,
            self.people + other.people,
            self.found + other.found,
            self.files + other.files,
            self.right + other.right,
        )

    def percent(self, way: Way) -> float:
        """DER in percent."""
        return 100 * self.errors[way].der

    @property
    def jer(self) -> float:
        """Jaccard error rate in percent: the mean over people."""
        return 100 * self.jaccard / self.people


def score(
    reference: Sequence[Turn], found: Sequence[Turn], regions: Sequence[tuple[float, float]]
) -> Score:
    """The errors of one recording's turns within these regions, in seconds."""
    errors = {
        way: diarization_error(
            reference, found, collar=way.collar, skip_overlap=way.skip_overlap, regions=regions
        )
        for way in WAYS
    }
    people, others = _labels(reference), _labels(found)
    return Score(
        errors,
        _jaccard(reference, found, regions),
        len(people),
        len(others),
        files=1,
        right=int(len(people) == len(others)),
    )


def together(scores: Iterable[Score]) -> Score:
    """Several recordings as one."""
    return reduce(add, scores)


def _labels(turns: Iterable[Turn]) -> set[str | None]:
    return {turn.label for turn in turns}


def _jaccard(
    reference: Sequence[Turn], found: Sequence[Turn], regions: Sequence[tuple[float, float]]
) -> float:
    """The sum over the reference's people."""
    judged = Timeline([Segment(*region) for region in regions])
    metric: Any = JaccardErrorRate
    rates = metric()(_annotation(reference), _annotation(found), uem=judged, detailed=True)
    return float(rates["speaker error"])


def _annotation(turns: Iterable[Turn]) -> Annotation:
    made = Annotation()
    for track, turn in enumerate(turns):
        made[Segment(turn.start, turn.end), track] = turn.label
    return made
