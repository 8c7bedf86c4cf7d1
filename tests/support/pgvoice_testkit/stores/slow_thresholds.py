"""Thresholds from a library's own turns, in plain numpy: a slow twin of the SQL.

For stores of one encoder whose turns do not overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from pgvoice.store import VoiceStore

Vector = NDArray[np.float64]
#: From how many milliseconds on the bands of durations begin.
BANDS = (0, 1500, 2500)
_SEGMENTS = text(
    "SELECT t.video_id, t.label, t.start_ms, t.end_ms, CAST(s.embedding AS real[])"
    " FROM pgvoice.turn t JOIN pgvoice.segment_embedding s USING (video_id, start_ms, end_ms)"
    " WHERE t.end_ms - t.start_ms >= 600 AND s.embedding IS NOT NULL ORDER BY 1, 3"
)
_ENROLLED = text("SELECT DISTINCT speaker_id, video_id FROM pgvoice.enrollment WHERE NOT excluded")
_PROFILES = text("SELECT speaker_id, CAST(embedding AS real[]) FROM pgvoice.profile")


@dataclass
class Cohort:
    """What a recording's voices are compared with."""

    near: list[int] = field(default_factory=list)
    across: float = 0.0
    across_count: int = 0
    within: float = 0.0
    within_count: int = 0


@dataclass(frozen=True)
class Tail:
    """What the library's comparisons exceed their mean by, in each band."""

    across: float
    within: float
    starts: list[float]
    mean_excesses: list[float]
    comparisons: int
    over_split: int


def excess(start: float, mean_excess: float, share: float) -> float:
    """What this share of impostors' similarities exceeds, above their mean."""
    return start + 1.15 / 0.15 * mean_excess * float(1 - min(share / 0.1, 1.0) ** 0.15)


class SlowLibrary:
    """The voices of a store, and what follows from them."""

    def __init__(self, store: VoiceStore) -> None:
        self.threshold = store.encoders.find().threshold.similarity
        with store.database.engine.connect() as connection:
            rows = connection.execute(_SEGMENTS).all()
            self.enrolled = {tuple(row) for row in connection.execute(_ENROLLED)}
            profiles = connection.execute(_PROFILES).all()
        self.profiles = {who: np.array(vector) for who, vector in profiles}
        #: By recording and label, the segments: duration in ms, vector.
        self.segments: dict[int, dict[str, list[tuple[int, Vector]]]] = defaultdict(dict)
        for video, label, start, end, vector in rows:
            said = self.segments[video].setdefault(label, [])
            said.append((end - start, np.array(vector)))
        self.voices = {
            video: {label: _mean(said) for label, said in labels.items()}
            for video, labels in self.segments.items()
        }
        self.cohorts = {video: self._cohort(video) for video in self.voices}
        self.tail = self._tail()

    # Recordings

    def _centre(self, video: int) -> Vector:
        return np.asarray(np.mean(list(self.voices[video].values()), axis=0))

    def _cohort(self, video: int) -> Cohort:
        mine = self.voices[video]
        others = [o for o, voices in self.voices.items() if o != video and len(voices) >= 2]
        others.sort(key=lambda o: -float(self._centre(video) @ self._centre(o)))
        cohort, compared = Cohort(), 0
        for other in others:
            if compared < 20:
                cohort.near.append(other)
            compared += len(self.voices[other]) - 1
        sets = [self._similar(voice, other) for voice in mine.values() for other in cohort.near]
        if sets:
            usual = np.mean([each for similar in sets for each in similar[1:]])
            kept = _without_own(sets, self.own_voice(float(usual)))
            cohort.across, cohort.across_count = float(np.mean(kept)), len(kept)
        pairs = [float(a @ b) for a, b in combinations(mine.values(), 2)]
        if pairs:
            cohort.within, cohort.within_count = float(np.mean(pairs)), len(pairs)
        return cohort

    def _similar(self, voice: Vector, video: int) -> list[float]:
        """The similarities to a recording's voices, the highest first."""
        return sorted((float(voice @ other) for other in self.voices[video].values()), reverse=True)

    def own_voice(self, usual: float) -> float:
        """From which similarity on a recording's most similar voice may be the same person."""
        start, mean_excess = self.encoder_tail()
        return max(self.threshold, usual + excess(start, mean_excess, 0.01))

    def encoder_tail(self) -> tuple[float, float]:
        return 0.25 * self.room, 0.125 * self.room

    @property
    def room(self) -> float:
        """The unit of what is expected of impostors."""
        return min(self.threshold, 1 - self.threshold)

    # The tail

    def _tail(self) -> Tail:
        start, mean_excess = self.encoder_tail()
        pairs = self._pairs()
        excesses = [one for each in pairs if not each.over_split for one in self._excesses(each)]
        starts, means = [], []
        for place, low in enumerate(BANDS):
            high = (*BANDS, np.inf)[place + 1]
            found = [(over, pair) for ms, over, pair in excesses if low <= ms < high]
            fitted = _fitted([over for over, _ in found], len({pair for _, pair in found}))
            weight, own_start, own_mean = fitted or (0, 0, 0)
            starts.append(weight * own_start + (1 - weight) * start)
            means.append(weight * own_mean + (1 - weight) * mean_excess)
        cohorts = self.cohorts.values()
        across, within = self.threshold - 0.85 * self.room, self.threshold - 0.625 * self.room
        return Tail(
            _shrunk(((c.across, c.across_count) for c in cohorts), across),
            _shrunk(((c.within, c.within_count) for c in cohorts), within),
            starts,
            means,
            len(excesses),
            sum(each.over_split for each in pairs),
        )

    def _pairs(self) -> list[_Pair]:
        found = []
        by_video = {
            video: {
                (a, b): float(voices[a] @ voices[b]) for a, b in combinations(sorted(voices), 2)
            }
            for video, voices in self.voices.items()
        }
        every = [similarity for pairs in by_video.values() for similarity in pairs.values()]
        usual = float(np.median(every)) if every else 0.0
        most = excess(*self.encoder_tail(), 0.0001)
        for video, pairs in by_video.items():
            for labels, similarity in pairs.items():
                rest, others = sum(pairs.values()) - similarity, len(pairs) - 1
                expected = rest / others if others else None
                split = similarity > (rest + 3 * usual) / (others + 3) + most
                found.append(_Pair(video, labels, expected, others, split))
        return found

    def _excesses(self, pair: _Pair) -> Iterable[tuple[int, float, _Pair]]:
        if pair.expected is None:
            return
        correction = np.sqrt(pair.others / (pair.others + 1))
        for label, other in (pair.labels, pair.labels[::-1]):
            for ms, vector in self.segments[pair.video][label]:
                similarity = float(vector @ self.voices[pair.video][other])
                yield ms, (similarity - pair.expected) * correction, pair

    # Thresholds

    def impostors(self, video: int, speaker: int) -> tuple[float, int]:
        """The mean similarity of others to somebody in a recording, and of how many comparisons."""
        cohort = self.cohorts.get(video, Cohort())
        same = (speaker, video) in self.enrolled
        if same:
            usual = _shrunk([(cohort.within, cohort.within_count)], self.tail.within, 3)
        else:
            usual = _shrunk([(cohort.across, cohort.across_count)], self.tail.across)
        among = [video] if same else [video, *cohort.near]
        sets = [
            self._similar(self.profiles[speaker], other)
            for other in among
            if other in self.voices and (same or (speaker, other) not in self.enrolled)
        ]
        kept = _without_own(sets, self.own_voice(usual))
        return (sum(kept) + 3 * usual) / (len(kept) + 3), len(kept)

    def required(self, video: int, speaker: int, ms: int, far: float) -> float:
        """The threshold for a segment of this length, for a FAR among all who are enrolled."""
        mean, count = self.impostors(video, speaker)
        band = int(np.searchsorted(BANDS, ms, side="right")) - 1
        share = far / len(self.profiles)
        above = excess(self.tail.starts[band], self.tail.mean_excesses[band], share)
        return float(max(mean + above * np.sqrt(1 + 1 / (count + 3)), 0.75 * self.threshold))


@dataclass(frozen=True)
class _Pair:
    """Two labels of a recording."""

    video: int
    labels: tuple[str, str]
    #: The mean similarity of the recording's other pairs; None if there are none.
    expected: float | None
    others: int
    over_split: bool


def _mean(said: Sequence[tuple[int, Vector]]) -> Vector:
    total = np.sum([ms * vector for ms, vector in said], axis=0)
    return np.asarray(total / np.linalg.norm(total))


def _without_own(sets: Iterable[list[float]], own_voice: float) -> list[float]:
    """The similarities without the highest of each set that reaches this."""
    return [
        similarity
        for similar in sets
        for place, similarity in enumerate(similar)
        if place > 0 or similarity < own_voice
    ]


def _shrunk(means: Iterable[tuple[float, int]], towards: float, weight: int = 20) -> float:
    known = [*means, (towards, weight)]
    return float(sum(mean * count for mean, count in known) / sum(count for _, count in known))


def _fitted(excesses: list[float], pairs: int) -> tuple[float, float, float] | None:
    """The weight of a band's own tail, where it begins, and by how much it is exceeded."""
    if len(excesses) < 100:
        return None
    start = float(np.quantile(excesses, 0.9))
    over = [each - start for each in excesses if each > start]
    weight = 1 / (1 + 30 / pairs + 300 / len(excesses))
    return weight, start, float(np.mean(over))
