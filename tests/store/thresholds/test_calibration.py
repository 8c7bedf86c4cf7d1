"""Calibration on a store of made-up voices: thresholds, figures, what is kept, every refusal."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.filled import THRESHOLD, X, Y, Z, put, unit
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE, STRANGERS, enroll, write
from sqlalchemy import text

from pgvoice.store import (
    CalibrationUnsupported,
    LabelIsNoName,
    SegmentKey,
    Turn,
    UnknownCalibration,
    UnknownVideo,
    VoiceStore,
)
from pgvoice.store.thresholds import judging, trials

TARGET = 0.05
#: A band as older calibrations describe it.
OLD_BAND = {"min_s": 0, "max_s": None, "threshold": 0.4, "margin": 0.1, "inside": 9, "outside": 9}
OLD_BAND |= {"dir": 1.0, "far": 0.0, "level": None}
#: Each nearest to X, Y and Z, and not near.
FAR_OFF = (unit(0.6, 0.55, 0.55), unit(0.55, 0.6, 0.55), unit(0.55, 0.55, 0.6))


@pytest.fixture(scope="module")
def turns() -> dict[str, list[Turn]]:
    return {}


@pytest.fixture(scope="module")
def library(server_url: str, template: str, turns: dict[str, list[Turn]]) -> Iterator[VoiceStore]:
    """Eight people enrolled from one video, who speak in another with six strangers."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        first = write(store, "first", PEOPLE, each=9, seed=1)
        enroll(store, "first", first, PEOPLE)
        turns |= {"first": first, "second": write(store, "second", each=24, seed=2)}
        yield store


@pytest.fixture
def labels(library: VoiceStore, turns: dict[str, list[Turn]]) -> dict[str, list[Turn]]:
    return {"second": turns["second"]}


def test_thresholds_hold_the_target_for_other_people(
    library: VoiceStore, labels: dict[str, list[Turn]]
) -> None:
    found = library.thresholds.calibrate(TARGET, labels=labels)
    figures = found.figures
    assert (figures.inside, figures.inside_people) == (8 * 24, 8)
    assert (figures.outside, figures.outside_people) == (14 * 24, 14)
    assert figures.comparisons == 14 * 24 * 8
    assert (found.far_bound, found.confidence, found.is_met) == (TARGET, 0.95, True)
    assert figures.far <= TARGET
    assert 0.9 < figures.dir_interval.low < figures.dir <= figures.dir_interval.high <= 1
    assert 0 <= figures.eer_interval.low <= figures.eer <= figures.eer_interval.high < 0.2
    assert [(band.min_s, band.max_s) for band in found.bands] == [(0, 2), (2, 4), (4, None)]
    assert [band.outside for band in found.bands] == [14 * 8] * 3
    assert {band.pairs for band in found.bands} == {8 * 7 // 2 + 8 * 6}


@pytest.fixture
def alike(labels: dict[str, list[Turn]]) -> dict[str, list[Turn]]:
    """The labels, with other names for half of the speech of three people: strangers like them."""
    renamed = [
        replace(turn, label=f"double of {turn.label}")
        if turn.label in PEOPLE[:3] and number % 2
        else turn
        for number, turn in enumerate(labels["second"])
    ]
    return {"second": renamed}


def test_a_target_that_people_left_out_miss_is_not_met(
    library: VoiceStore, labels: dict[str, list[Turn]], alike: dict[str, list[Turn]]
) -> None:
    before = library.thresholds.calibrate(TARGET, labels=labels)
    found = library.thresholds.calibrate(TARGET, labels=alike)
    assert found.far_bound is not None
    assert TARGET < found.figures.far < found.far_bound
    assert not found.is_met
    assert not found.active
    assert library.thresholds.active() == before
    assert found.id is not None
    library.thresholds.activate(found.id)
    (answer, *_) = library.answers.identify("second")
    said = re.fullmatch(r"calibrated .* FAR at most (\S+) %", str(answer.threshold_source))
    assert said is not None
    assert 0 <= float(said[1]) - 100 * found.far_bound < 0.01, "rounded up"


def test_a_calibration_without_a_bound_says_so(
    library: VoiceStore, labels: dict[str, list[Turn]]
) -> None:
    library.thresholds.calibrate(TARGET, labels=labels)
    with library.database.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE pgvoice.calibration SET far_bound = NULL, confidence = NULL, measured ="
                " measured || jsonb_build_object('bands', CAST(:bands AS jsonb), 'figures',"
                " measured -> 'figures' || '{\"single_far\": 0.1, \"far_interval\": [0, 0]}')"
                " WHERE active"
            ),
            {"bands": json.dumps([OLD_BAND])},
        )
    required = library.thresholds.required()
    assert required.source.endswith("without a bound of FAR: calibrate again")
    active = library.thresholds.active()
    assert active is not None
    assert not active.is_met
    assert [(band.threshold, band.pairs) for band in active.bands] == [(0.4, 0)]


def test_identify_goes_by_it_until_it_is_reset(
    library: VoiceStore, labels: dict[str, list[Turn]]
) -> None:
    profiles = library.people.quality()
    made = library.thresholds.calibrate(TARGET, labels=labels)
    assert library.people.quality() == profiles, "no profile learns from it"
    assert library.thresholds.active() == made
    assert library.encoders.find().calibrated
    edges = np.array([0, 2, 4])
    for answer in library.answers.identify("second"):
        assert answer.similarity is not None
        band = np.searchsorted(edges, answer.end - answer.start, side="right") - 1
        enough = answer.similarity >= made.bands[band].threshold
        assert (answer.reason not in ("below_threshold", "suggested")) == enough
    assert library.thresholds.reset() == made.id
    assert (library.thresholds.active(), library.thresholds.reset()) == (None, None)
    assert not library.encoders.find().calibrated
    limit = library.thresholds.required().threshold
    assert limit is not None
    assert limit > THRESHOLD.similarity, "it rises with the people who are enrolled"
    for answer in library.answers.identify("second"):
        assert (answer.reason == "matched") == ((answer.similarity or 0) >= limit)
    assert made.id is not None
    library.thresholds.activate(made.id)
    assert library.thresholds.active() == made
    assert library.thresholds.calibrations()[0].id == made.id


def test_the_same_labels_give_the_same_thresholds(
    library: VoiceStore, labels: dict[str, list[Turn]]
) -> None:
    before = len(library.thresholds.calibrations())
    one, two = (library.thresholds.calibrate(TARGET, labels=labels, dry_run=True) for _ in range(2))
    assert one == two
    assert (one.id, one.active) == (None, False)
    assert len(library.thresholds.calibrations()) == before


def test_who_calibrates_is_in_the_audit_trail(
    library: VoiceStore, labels: dict[str, list[Turn]]
) -> None:
    made = library.thresholds.calibrate(TARGET, labels=labels)
    library.thresholds.reset()
    with library.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT action, subject, details FROM pgvoice.audit_event ORDER BY id DESC LIMIT 2"
            )
        ).all()
        measured = connection.scalar(text("SELECT measured FROM pgvoice.calibration LIMIT 1"))
    assert [row.action for row in rows] == ["reset calibration", "calibrate"]
    assert {json.dumps(row.details) for row in rows} == {json.dumps({"calibration": made.id})}
    assert "embedding" not in json.dumps(measured)


def test_exemplars_are_left_out_one_at_a_time(library: VoiceStore) -> None:
    found = library.thresholds.calibrate(0.2, exemplars=True, edges=(), dry_run=True)
    assert found.figures.inside == found.figures.outside == 8 * 3
    assert len(found.bands) == 1
    with library.database.engine.connect() as connection:
        all_trials = trials.gather(connection, library.encoders.find().id, {}, exemplars=True)
        vectors = np.array(
            connection.scalars(
                text(
                    "SELECT CAST(e.embedding AS real[]) FROM pgvoice.enrollment e"
                    " JOIN pgvoice.speaker s ON s.id = e.speaker_id WHERE s.name = 'person 0'"
                    " ORDER BY e.id"
                )
            ).all()
        )
    mean = vectors[1:].mean(axis=0)
    expected = vectors[0] @ mean / np.linalg.norm(mean)
    assert all_trials.similarity[0, all_trials.own[0]] == pytest.approx(expected, abs=1e-6)


def test_an_enrolled_segment_is_judged_without_its_own_exemplars(
    library: VoiceStore, turns: dict[str, list[Turn]]
) -> None:
    keys = [SegmentKey(round(t.start * 1000), round(t.end * 1000)) for t in turns["first"]]
    names = [str(turn.label) for turn in turns["first"]]
    encoder = library.encoders.find().id
    with library.database.engine.begin() as connection:
        spoken = {("first", key): name for key, name in zip(keys, names, strict=True)}
        found = trials.gather(connection, encoder, spoken, exemplars=False)
        alone = trials.gather(connection, encoder, {}, exemplars=True)
    rows = np.arange(len(found))
    own = found.similarity[rows, found.own]
    assert own.max() < 0.99
    exemplars = alone.similarity[np.arange(len(alone)), alone.own]
    assert np.isin(exemplars, own).all()


def test_somebody_with_one_exemplar_is_outside_of_the_gallery(store: VoiceStore) -> None:
    turns = write(store, "v", PEOPLE[:2], each=3)
    enroll(store, "v", turns, PEOPLE[:2])
    with store.database.engine.connect() as connection:
        found = trials.gather(connection, store.encoders.find().id, {}, exemplars=True)
    assert np.isnan(found.similarity[[0, 1], found.own]).all()
    searches = found.searches()
    assert not searches.enrolled.any()
    assert len(searches) == 2


def test_excluded_exemplars_take_no_part(store: VoiceStore) -> None:
    turns = write(store, "v", PEOPLE[:2], each=9)
    enroll(store, "v", turns, PEOPLE[:2])
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE pgvoice.enrollment SET excluded = true WHERE id IN (1, 2)"))
        found = trials.gather(connection, store.encoders.find().id, {}, exemplars=True)
    assert len(found) == 4
    assert np.isnan(found.similarity[found.person == 0, 0]).all()


def test_pinned_labels(library: VoiceStore, labels: dict[str, list[Turn]]) -> None:
    spoken: dict[str | None, list[SegmentKey]] = defaultdict(list)
    for turn in labels["second"]:
        key = SegmentKey(round(turn.start * 1000), round(turn.end * 1000))
        spoken[turn.label if turn.label in PEOPLE else None].append(key)
    for who, keys in spoken.items():
        library.labels.pin_segments("second", keys, who)
    found = library.thresholds.calibrate(TARGET, pinned=True, dry_run=True)
    assert (found.figures.inside, found.figures.outside) == (8 * 24, 14 * 24)
    assert found.figures.outside_people == 9, "whom nobody knows counts as one in each video"
    assert found.labels_from == "pinned labels"


def test_bands_with_too_few_searches_are_joined(
    library: VoiceStore, labels: dict[str, list[Turn]]
) -> None:
    found = library.thresholds.calibrate(TARGET, labels=labels, edges=(1, 2, 4, 20), dry_run=True)
    assert [band.min_s for band in found.bands] == [0, 2, 4]
    assert found.notes == (
        "too few searches or people on one side of 1 s: bands joined",
        "too few searches or people on one side of 20 s: bands joined",
    )


def test_the_gallery_is_kept(library: VoiceStore, labels: dict[str, list[Turn]]) -> None:
    made = library.thresholds.calibrate(TARGET, labels=labels)
    with library.database.engine.connect() as connection:
        row = connection.execute(
            text("SELECT gallery, far_bound, margins FROM pgvoice.calibration WHERE id = :id"),
            {"id": made.id},
        ).one()
    assert row == (8, TARGET, [0.0] * 3)


# Refusals


def test_too_few_searches_for_the_target(
    library: VoiceStore, labels: dict[str, list[Turn]]
) -> None:
    with pytest.raises(CalibrationUnsupported) as error:
        library.thresholds.calibrate(0.001, labels=labels)
    assert "0.001 needs 999 searches by 4 people outside" in str(error.value)
    assert "there are 336 by 14: label" in str(error.value)


def test_too_few_people(library: VoiceStore, labels: dict[str, list[Turn]]) -> None:
    few = [turn for turn in labels["second"] if turn.label in PEOPLE[:3]]
    with pytest.raises(CalibrationUnsupported, match=r"by 4 people .* there are 72 by 3:"):
        library.thresholds.calibrate(0.2, labels={"second": few})


def test_no_threshold_is_sure_enough_for_people_who_differ_so_much() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(4), 10)
    similarity = rng.normal(0, 0.3, (4, 4))[people]
    similarity[np.arange(40), people] = 0.99
    found = trials.Trials(similarity, people, np.full(40, 3000), people, tuple("abcd"))
    with pytest.raises(CalibrationUnsupported, match=r"so few people, no threshold .* more than 4"):
        judging.calibrated(found, (0,), 0.05)


def test_nobody_of_the_gallery_speaks(library: VoiceStore, labels: dict[str, list[Turn]]) -> None:
    others = [turn for turn in labels["second"] if turn.label in STRANGERS]
    with pytest.raises(CalibrationUnsupported, match=r"takes 10 segments .* there are 0"):
        library.thresholds.calibrate(TARGET, labels={"second": others})


def test_names_that_are_mixed_up(library: VoiceStore, labels: dict[str, list[Turn]]) -> None:
    mixed = [
        replace(turn, label=(PEOPLE + STRANGERS)[number % 14])
        for number, turn in enumerate(labels["second"])
    ]
    with pytest.raises(CalibrationUnsupported, match=r"only \d+ of \d+ labelled segments"):
        library.thresholds.calibrate(TARGET, labels={"second": mixed})


def test_others_sound_more_like_the_enrolled_than_they_do(store: VoiceStore) -> None:
    put(store, "first", {(0, 5): X, (5, 10): Y, (10, 15): Z})
    for place, name in enumerate(("ann", "bob", "cyd")):
        store.people.enroll_segments(name, "first", [(5 * place, 5 * place + 5)])
    said = [(name, voice) for name, voice in zip(("ann", "bob", "cyd"), FAR_OFF, strict=True)] * 12
    said += [(f"stranger {number % 4}", X) for number in range(48)]
    put(store, "second", {(at, at + 1): voice for at, (_, voice) in enumerate(said)})
    turns = [Turn(at, at + 1, name) for at, (name, _) in enumerate(said)]
    with pytest.raises(CalibrationUnsupported, match="not more similar to a segment than others"):
        store.thresholds.calibrate(0.2, labels={"second": turns})


def test_labels_that_cover_no_segment(library: VoiceStore) -> None:
    with pytest.raises(CalibrationUnsupported, match=r"no vector .* labels of second"):
        library.thresholds.calibrate(TARGET, labels={"second": [Turn(0, 0.2, PEOPLE[0])]})


def test_nobody_is_enrolled(store: VoiceStore) -> None:
    turns = write(store, "v", each=3)
    with pytest.raises(CalibrationUnsupported, match="nobody is enrolled with voices@"):
        store.thresholds.calibrate(TARGET, labels={"v": turns})


def test_a_diarizers_label_is_no_name(library: VoiceStore) -> None:
    with pytest.raises(LabelIsNoName, match="SPEAKER_00"):
        library.thresholds.calibrate(TARGET, labels={"second": [Turn(0, 5, "SPEAKER_00")]})


def test_wrong_arguments(library: VoiceStore, labels: dict[str, list[Turn]]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1, and 1 does not"):
        library.thresholds.calibrate(1, labels=labels)
    with pytest.raises(ValueError, match="nothing to calibrate with"):
        library.thresholds.calibrate(TARGET)
    with pytest.raises(ValueError, match="must rise: 4, 2 s do not"):
        library.thresholds.calibrate(TARGET, labels=labels, edges=(4, 2))
    with pytest.raises(UnknownVideo):
        library.thresholds.calibrate(TARGET, labels={"third": []})
    with pytest.raises(UnknownCalibration, match="--list"):
        library.thresholds.activate(10_000)


def test_an_encoder_of_its_own(library: VoiceStore) -> None:
    assert library.encoders.find().identity == ENCODER
