"""The thresholds that enrollments and merges are checked against, also after a calibration."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.enrolled import NEAR_X, enroll, exemplars, near, profile
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, Z, put, unit
from sqlalchemy import text

from pgvoice.store import (
    IncoherentExemplars,
    SoundsLikeAnother,
    VoiceStore,
)


def test_people_who_do_not_sound_alike_are_not_merged(store: VoiceStore) -> None:
    enroll(store, "ann", *near(X, 4))
    enroll(store, "anna", NEAR_X, force=True)
    enroll(store, "bob", Y)
    before = profile(store, "ann")
    for dry_run in (True, False):
        with pytest.raises(IncoherentExemplars, match=r"'ann' .* bob.wav 0 to 1 s and the others"):
            store.people.merge("bob", "ann", dry_run=dry_run)
    store.people.merge("anna", "ann", dry_run=True)
    assert profile(store, "ann") == before
    assert [person.speaker for person in store.people.speakers()] == ["ann", "anna", "bob"]
    store.people.merge("anna", "ann")
    store.people.merge("bob", "ann", force=True)
    assert [(person.speaker, person.exemplars) for person in store.people.speakers()] == [
        ("ann", 6)
    ]


def test_merging_judges_what_comes_and_not_what_was_forced_in_before(store: VoiceStore) -> None:
    enroll(store, "ann", X, Y, force=True)
    store.people.enroll("ann l", exemplars([X], audio="ann.wav"), ENCODER, THRESHOLD, force=True)
    store.people.merge("ann l", "ann")
    assert [(person.speaker, person.exemplars) for person in store.people.speakers()] == [
        ("ann", 2)
    ]


# By the calibration


def _calibrate(store: VoiceStore, *thresholds: float) -> None:
    """Store an active calibration with these thresholds, for bands from 0 s, 1 s, ..."""
    with store.database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pgvoice.calibration (encoder_id, band_ms, thresholds, margins,"
                " target_far, gallery, labels_from, measured, active) VALUES (1, :bands,"
                " :thresholds, :margins, 0.01, 4, 'test', '{}', true)"
            ),
            {
                "bands": [1000 * place for place in range(len(thresholds))],
                "thresholds": list(thresholds),
                "margins": [0.0] * len(thresholds),
            },
        )


#: Two voices with a similarity of .6, above the threshold of .5 and below the .625 for duplicates.
APART = unit(0.6, 0.8, 0)


def test_a_calibration_says_what_is_of_one_person(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    _calibrate(store, 0.7, 0.9)
    with pytest.raises(
        IncoherentExemplars, match=r"of 0\.600, below the calibrated threshold of 0\.700"
    ):
        enroll(store, "ann", X, APART)
    store.thresholds.reset()
    _calibrate(store, 0.9, 0.55)
    assert enroll(store, "ann", X, APART).added == 2
    store.thresholds.reset()
    _calibrate(store, 0.3)
    # .4 similar, which the encoder's own threshold refuses.
    assert enroll(store, "bob", Z, unit(0, 0.917, 0.4)).added == 2


def test_a_calibration_says_who_is_merged(store: VoiceStore) -> None:
    enroll(store, "ann", X)
    enroll(store, "bob", APART)
    _calibrate(store, 0.7)
    with pytest.raises(IncoherentExemplars, match=r"the calibrated threshold of 0\.700"):
        store.people.merge("bob", "ann")
    store.thresholds.reset()
    store.people.merge("bob", "ann")


def test_a_calibration_says_who_sounds_like_another(store: VoiceStore) -> None:
    enroll(store, "ann", X)
    enroll(store, "bob", APART)
    _calibrate(store, 0.9, 0.3)
    with pytest.raises(
        SoundsLikeAnother, match=r"'ann' 0\.600; different people stay below 0\.475"
    ):
        enroll(store, "eve", unit(0.6, 0, 0.8))
    store.thresholds.reset()
    enroll(store, "eve", unit(0.6, 0, 0.8))


def test_a_calibration_says_what_is_outlying(store: VoiceStore) -> None:
    enroll(store, "ann", *near(X, 5, 0.02), unit(0.78, 0.63, 0))
    assert store.people.drop_outliers("ann", dry_run=True) == []
    _calibrate(store, 0.7)
    (outlier,) = store.people.drop_outliers("ann", dry_run=True)
    assert (outlier.similarity, outlier.needed) == pytest.approx((0.78, 0.85), abs=0.01)
