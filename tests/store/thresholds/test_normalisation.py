"""Adaptive s-norm: as it is defined, used only where it names more, and the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.filled import THRESHOLD, unit
from sqlalchemy import text

from pgvoice.store import (
    Calibration,
    CalibrationUnsupported,
    EncoderIdentity,
    SegmentKey,
    SegmentRow,
    Turn,
    VideoAudio,
    VoiceStore,
)

ENCODER = EncoderIdentity("shifted", "sha256:0ddba110ddba1100", "1", 96, 16_000)
TARGET = 0.05
PEOPLE = [f"person {number}" for number in range(8)]
STRANGERS = [f"stranger {number}" for number in range(8)]
COHORT = [f"SPEAKER_{number:02}" for number in range(30)]
EACH = 24
Vectors = NDArray[np.float32]


def _write(
    store: VoiceStore,
    video: str,
    people: Sequence[str],
    seed: int,
    *,
    most: float,
    each: int = EACH,
) -> list[Turn]:
    """Everybody speaks; segments share up to `most` of themselves with all others, as in a room."""
    rng = np.random.default_rng(seed)
    room = np.random.default_rng(7).normal(size=ENCODER.dimension)
    room /= np.linalg.norm(room)
    rows, turns = [], []
    for place, person in enumerate(people):
        voice = np.random.default_rng([ord(one) for one in person]).normal(size=ENCODER.dimension)
        for number in range(each):
            at = 4.0 * (place * each + number)
            noise = rng.normal(size=ENCODER.dimension)
            said = 0.75 * voice / np.linalg.norm(voice) + 0.66 * noise / np.linalg.norm(noise)
            shared = most * rng.uniform()
            vector = np.sqrt(1 - shared**2) * said / np.linalg.norm(said) + shared * room
            key = SegmentKey(round(at * 1000), round(at * 1000) + 3000)
            rows.append(SegmentRow(key, "ok", unit(*vector)))
            turns.append(Turn(at, at + 3.0, person))
    audio = VideoAudio(f"{seed:064x}", 4_000_000, video)
    store.recordings.write(
        store.recordings.register(video, audio, ENCODER, THRESHOLD), ENCODER, rows
    )
    return turns


class Made:
    """A library of segments that share so much with all others."""

    def __init__(self, store: VoiceStore, most: float) -> None:
        self.store = store
        first = _write(store, "first", PEOPLE, 1, most=most, each=6)
        for person in PEOPLE:
            spans = [(turn.start, turn.end) for turn in first if turn.label == person]
            store.people.enroll_segments(person, "first", spans, force=True, encoder=ENCODER)
        self.labels = {"second": _write(store, "second", PEOPLE + STRANGERS, 2, most=most)}
        self.cohort = {"others": _write(store, "others", COHORT, 3, most=most, each=8)}

    def calibrate(self, *, cohort: bool = True, dry_run: bool = False) -> Calibration:
        return self.store.thresholds.calibrate(
            TARGET,
            labels=self.labels,
            edges=(),
            cohort=self.cohort if cohort else None,
            dry_run=dry_run,
        )


@pytest.fixture(scope="module")
def made(server_url: str, template: str) -> Iterator[Made]:
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        yield Made(store, 0.8)


@pytest.fixture(scope="module")
def normalised(made: Made) -> Calibration:
    return made.calibrate()


def test_it_is_used_where_it_names_more(made: Made, normalised: Calibration) -> None:
    told = normalised.normalisation
    assert told is not None
    assert told.normalised is not None
    assert told.used
    assert told.cohort.voices + told.cohort.left_out == len(COHORT)
    assert told.cohort.top == told.cohort.voices // 2 > 10
    assert told.gain_interval.low > 0
    assert told.normalised.dir - told.plain.dir == pytest.approx(told.gain)
    assert normalised.figures == told.normalised
    assert normalised.figures.far <= max(TARGET, told.plain.far)
    assert normalised.figures.eer < told.plain.eer
    assert made.store.thresholds.active() == normalised
    (band,) = normalised.bands
    assert band.level is not None


def _vectors(store: VoiceStore, statement: str) -> Vectors:
    with store.database.engine.connect() as connection:
        rows = connection.execute(text(statement)).scalars().all()
    return np.array([np.fromstring(row.strip("[]"), sep=",") for row in rows], np.float64)


def test_the_answers_are_those_of_the_definition(made: Made, normalised: Calibration) -> None:
    """Computed once more, by numpy."""
    store = made.store
    voices = _vectors(store, "SELECT embedding::text FROM pgvoice.cohort_voice")
    people = _vectors(store, "SELECT embedding::text FROM pgvoice.profile ORDER BY speaker_id")
    said = _vectors(
        store,
        "SELECT s.embedding::text FROM pgvoice.segment_embedding s JOIN pgvoice.video v"
        " ON v.id = s.video_id WHERE v.key = 'second' ORDER BY s.start_ms",
    )

    def parts(vectors: Vectors) -> tuple[Vectors, Vectors]:
        nearest = np.sort(vectors @ voices.T, axis=1)[:, -(len(voices) // 2) :]
        return nearest.mean(axis=1), nearest.std(axis=1)

    similarity = said @ people.T
    (own_mean, own_spread), (mean, spread) = parts(people), parts(said)
    scores = (similarity - own_mean) / own_spread + (similarity - mean[:, None]) / spread[:, None]
    nearest = similarity.argmax(axis=1)
    ordered = np.sort(similarity, axis=1)
    (band,) = normalised.bands
    assert band.level is not None
    score = scores[np.arange(len(said)), nearest] / 2
    sure = np.abs(score - band.level) > 1e-4
    likeness = (people @ people.T)[nearest, similarity.argsort(axis=1)[:, -2]]
    towards = ordered[:, -2] - ordered[:, -1] * likeness
    two_voices = towards > 0.45 * ordered[:, -1] * np.sqrt(1 - likeness**2)
    expected = (score >= band.level) & (ordered[:, -1] - ordered[:, -2] >= band.margin)
    answers = store.answers.identify("second")
    found = np.array([answer.reason == "matched" for answer in answers])
    limits = np.array([answer.threshold for answer in answers], np.float64)
    expected &= ~(two_voices & (ordered[:, -2] >= limits))
    assert sure.sum() > len(answers) - 5
    assert (found == expected)[sure].all()
    assert 0 < found.sum() < len(found)
    assert [a.nearest for a in answers] == [f"person {place}" for place in nearest]
    for answer in answers:
        assert answer.similarity is not None
        assert answer.threshold is not None
        assert (answer.similarity < answer.threshold) == (answer.reason == "below_threshold")
        assert answer.min_margin == band.margin
    assert len({answer.threshold for answer in answers}) > 1
    required = store.thresholds.required()
    assert [(b.threshold, b.level) for b in required.bands] == [(band.threshold, band.level)]
    assert (required.threshold, required.margin) == (None, band.margin)


def test_everything_that_judges_says_the_same(made: Made, normalised: Calibration) -> None:
    store = made.store
    answers = store.answers.identify("second")
    told = {(a.start, a.end): a.speaker for a in answers if a.speaker}
    found = {
        (hit.start, hit.end): person
        for person in PEOPLE
        for hit in store.answers.appearances(person, limit=None)
        if hit.video == "second"
    }
    assert found == told
    store.labels.label(["second"])
    kept = {(label.start, label.end): label.speaker for label in store.labels.current("second")}
    assert {span: name for span, name in kept.items() if name} == told
    store.labels.relabel()
    again = {(label.start, label.end): label.speaker for label in store.labels.current("second")}
    assert again == kept
    by_threshold = store.answers.identify("second", threshold=THRESHOLD.similarity)
    assert [a.reason == "below_threshold" for a in by_threshold] == [
        (a.similarity or 0) < THRESHOLD.similarity for a in by_threshold
    ]


def test_whoever_of_the_cohort_is_enrolled_is_not_compared_with_themselves(made: Made) -> None:
    with made.store.database.engine.connect() as connection:
        scores = connection.execute(
            text(
                "SELECT alone.mean, among.mean FROM pgvoice.cohort_voice k,"
                " pgvoice_internal.cohort_scores(k.calibration_id, k.embedding, k.embedding)"
                " AS alone,"
                " pgvoice_internal.cohort_scores(k.calibration_id, k.embedding, NULL) AS among"
                " WHERE k.place = 1"
            )
        ).one()
    assert scores[0] < scores[1]


def test_a_dry_run_keeps_nothing(made: Made, normalised: Calibration) -> None:
    before = made.store.thresholds.calibrations()
    dry = made.calibrate(dry_run=True)
    assert dry.normalisation == normalised.normalisation
    assert (dry.id, made.store.thresholds.calibrations()) == (None, before)
    with made.store.database.engine.connect() as connection:
        kept = connection.scalar(
            text("SELECT count(DISTINCT calibration_id) FROM pgvoice.cohort_voice")
        )
        assert kept == 1


def test_too_few_voices(made: Made) -> None:
    few = {"others": made.cohort["others"][: 8 * 9]}
    with pytest.raises(CalibrationUnsupported, match=r"needs 10 voices.* of 9 are"):
        made.store.thresholds.calibrate(TARGET, labels=made.labels, edges=(), cohort=few)
    with pytest.raises(CalibrationUnsupported, match=r"only 0 of 16 are"):
        made.store.thresholds.calibrate(TARGET, labels=made.labels, edges=(), cohort=made.labels)


def test_without_a_gain_it_is_left_out(server_url: str, template: str) -> None:
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        library = Made(store, 0.0)
        alone = library.calibrate(cohort=False)
        answers = store.answers.identify("second")
        found = library.calibrate()
        assert found.normalisation is not None
        assert not found.normalisation.used
        assert found.normalisation.plain == alone.figures
        assert (found.bands, found.figures) == (alone.bands, alone.figures)
        assert store.answers.identify("second") == answers
        with store.database.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM pgvoice.cohort_voice")) == 0


@pytest.mark.parametrize("erased", ["the recording", "a person enrolled from it later"])
def test_who_erases_a_voice_erases_its_cohort(server_url: str, template: str, erased: str) -> None:
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        library = Made(store, 0.8)
        library.calibrate(cohort=False)
        answers = store.answers.identify("second")
        assert library.calibrate().bands[0].level is not None
        assert store.answers.identify("second") != answers
        assert [check.problems for check in store.upkeep.verify()] == [0] * len(
            store.upkeep.verify()
        )
        assert store.privacy.delete_expired(unattributed_days=1, dry_run=True).segments == 0
        if erased == "the recording":
            store.privacy.erase_video("others")
        else:
            store.people.enroll_segments(
                "late", "others", [(0.0, 3.0)], force=True, encoder=ENCODER
            )
            store.privacy.erase_speaker("late", with_segments=True)
        assert store.answers.identify("second") == answers
        assert store.thresholds.active() is not None
        with store.database.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM pgvoice.cohort_voice")) == 0
