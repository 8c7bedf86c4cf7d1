"""The core of the calibration benchmark, on made-up voices."""

from __future__ import annotations

import numpy as np
from pgvoice_testkit.audio.halves import Library
from pgvoice_testkit.stores.filled import THRESHOLD
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE, STRANGERS, said, write

from pgvoice.store import Exemplar, SegmentKey, VoiceStore


def test_thresholds_are_measured_on_people_whom_they_were_not_tuned_on(store: VoiceStore) -> None:
    rng = np.random.default_rng(5)
    people = {
        name: [
            Exemplar(said(name, 6.0, rng), f"{name}{take}", SegmentKey(0, 6000), name)
            for take in range(3)
        ]
        for name in PEOPLE
    }
    labels = {"v": write(store, "v", PEOPLE + STRANGERS, each=24, seed=2)}
    library = Library(store, ENCODER, THRESHOLD, people, labels)
    found = library.measure(PEOPLE[:4], 0.1)
    assert {summary.speaker for summary in store.people.speakers()} == set(PEOPLE[4:])
    assert set(found.dir_by_length) == {1.5, 3.0, 6.0}
    assert found.far_interval.low <= found.far <= found.far_interval.high
    assert found.far_interval.low <= 0.1
    assert found.dir_by_length[6.0] >= found.dir_by_length[1.5]
    calibration = store.thresholds.active()
    assert calibration is not None
    assert calibration.figures.outside_people == 4, "strangers are not tuned on"
