"""Thresholds tuned on half of the people, and measured on the others and on strangers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pgvoice.store import Calibration, Exemplar, SegmentKey, Turn, VoiceStore
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold
from pgvoice.store.thresholds import measures, trials
from pgvoice.store.thresholds.fitting import Rule
from pgvoice.store.thresholds.measures import Interval, Searches

#: Exemplars by person.
People = Mapping[str, list[Exemplar]]
Labels = Mapping[str, list[Turn]]
#: Draws of people for an interval.
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of thresholds for people whom they were not tuned on."""

    far: float
    far_interval: Interval
    dir: float
    #: By the length of the segment in seconds.
    dir_by_length: dict[float, float]
    #: DIR of a single threshold with this FAR, chosen on the same searches.
    fixed_dir: float
    #: For one threshold for all lengths, tuned on the same people.
    single_far: float
    single_dir: float


class Library:
    """A store with everybody's segments, and changing enrollments."""

    def __init__(
        self,
        store: VoiceStore,
        encoder: EncoderIdentity,
        threshold: Threshold,
        people: People,
        labels: Labels,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._threshold = threshold
        self._people = people
        self._labels = labels

    def measure(self, tuned_on: Iterable[str], target: float) -> Measured:
        """Tune on these people, and measure on all others; never tune on strangers."""
        tuned = set(tuned_on)
        self.enroll(tuned)
        labels = self._of(tuned)
        made = self._store.thresholds.calibrate(target, labels=labels)
        single = self._store.thresholds.calibrate(target, labels=labels, edges=(), dry_run=True)
        self.enroll(set(self._people) - tuned)
        searches = self._searches({turn.label or "" for turn in self._turns()} - tuned)
        answered = _rule(made).answered(searches)
        alone = _rule(single).answered(searches)
        outside, inside = ~searches.enrolled, searches.enrolled
        rows, whose = answered[outside].astype(float), searches.person[outside]
        rate = float(rows.mean())
        return Measured(
            rate,
            measures.bootstrap(
                lambda drawn: float(rows[drawn].mean()),
                whose,
                np.random.default_rng(0),
                repetitions=DRAWS,
            ),
            float((answered & searches.right)[inside].mean()),
            {
                int(ms) / 1000: float(
                    (answered & searches.right)[inside & (searches.duration_ms == ms)].mean()
                )
                for ms in np.unique(searches.duration_ms)
            },
            measures.dir_at_far(searches, rate),
            float(alone[outside].mean()),
            float((alone & searches.right)[inside].mean()),
        )

    def enroll(self, names: set[str]) -> None:
        """Enroll these people and remove everybody else."""
        for summary in self._store.people.speakers():
            self._store.people.remove(summary.speaker)
        for name in sorted(names):
            self._store.people.enroll(
                name, self._people[name], self._encoder, self._threshold, force=True
            )

    def _turns(self) -> list[Turn]:
        return [turn for turns in self._labels.values() for turn in turns]

    def _of(self, names: set[str]) -> Labels:
        kept = {
            video: [turn for turn in turns if turn.label in names]
            for video, turns in self._labels.items()
        }
        return {video: turns for video, turns in kept.items() if turns}

    def _searches(self, names: set[str]) -> Searches:
        spoken = {
            (video, SegmentKey(round(turn.start * 1000), round(turn.end * 1000))): turn.label
            for video, turns in self._of(names).items()
            for turn in turns
            if turn.label is not None
        }
        with self._store.database.engine.connect() as connection:
            encoder = self._store.recordings.encoder(self._encoder).id
            return trials.gather(connection, encoder, spoken, exemplars=False).searches()


def _rule(found: Calibration) -> Rule:
    return Rule(
        tuple(round(band.min_s * 1000) for band in found.bands),
        tuple(band.threshold for band in found.bands),
        found.bands[0].margin,
    )
