"""Thresholds from the library's own turns: when they apply, and what they depend on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores.filled import X, Y, Z, put
from pgvoice_testkit.stores.slow_thresholds import SlowLibrary, excess
from pgvoice_testkit.stores.voices import PEOPLE, STRANGERS, enroll, talk
from scipy.stats import genpareto
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from pgvoice.store import Identification, Turn, VoiceStore

FAR = 0.01
#: Who speaks in each recording, and how alike it makes them.
TALKS = {
    "one": (PEOPLE[:4], 0.5),
    "two": (PEOPLE[2:6], 0.5),
    "three": (PEOPLE[4:], 0.6),
    "four": (PEOPLE[:2] + STRANGERS[:2], 0.5),
    "hall": (PEOPLE[1:3] + STRANGERS[2:4], 1.5),
}
IMPOSTORS = text(
    "SELECT m.mean, m.comparisons FROM pgvoice_internal.impostor_means(1,"
    " ARRAY(SELECT id FROM pgvoice.video WHERE key = :video),"
    " ARRAY(SELECT id FROM pgvoice.speaker WHERE name = :speaker)) AS m"
)


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Five recordings of four people each; four are enrolled, two of them from a fifth one."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        turns = {
            video: talk(store, video, people, seed=seed, room=room)
            for seed, (video, (people, room)) in enumerate(TALKS.items())
        }
        enroll(store, "one", turns["one"], PEOPLE[:2])
        enroll(store, "three", turns["three"], PEOPLE[4:6])
        store.thresholds.refresh()
        yield store


@pytest.fixture
def connection(library: VoiceStore) -> Iterator[Connection]:
    """A transaction on that library, which is rolled back at the end."""
    with library.database.unpooled.connect() as opened:
        yield opened
        opened.rollback()


def _ids(store: VoiceStore, table: str, column: str) -> dict[str, int]:
    with store.database.engine.connect() as connection:
        rows = connection.execute(text(f"SELECT {column}, id FROM pgvoice.{table}"))
        return {row[0]: row[1] for row in rows}


def _at(store: VoiceStore, video: str, person: str) -> float:
    """The threshold for somebody's longest segments in a recording."""
    (found,) = {
        answer.threshold
        for answer in store.answers.identify(video)
        if answer.nearest == person and answer.end - answer.start > 5
    }
    assert found is not None
    return found


# The formula


def test_thresholds_equal_those_of_a_slow_twin(library: VoiceStore) -> None:
    slow = SlowLibrary(library)
    videos, people = _ids(library, "video", "key"), _ids(library, "speaker", "name")
    answers = {video: library.answers.identify(video) for video in TALKS}
    for video, given in answers.items():
        for answer in given:
            ms = round(1000 * (answer.end - answer.start))
            expected = slow.required(videos[video], people[str(answer.nearest)], ms, FAR)
            assert answer.threshold == pytest.approx(expected, abs=1e-5)
    assert len({answer.threshold for given in answers.values() for answer in given}) > 20


def test_it_says_what_it_rests_on(library: VoiceStore) -> None:
    slow = SlowLibrary(library).tail
    tail = library.thresholds.library()
    assert (tail.recordings, tail.voices) == (5, 20)
    assert (tail.comparisons, tail.over_split) == (slow.comparisons, slow.over_split)
    assert tail.comparisons == 5 * 4 * 6 * 3
    assert (tail.missing_recordings, tail.missing_voices) == (0, 0)


def test_every_band_has_a_tail_of_its_own(library: VoiceStore, connection: Connection) -> None:
    slow = SlowLibrary(library).tail
    row = connection.execute(
        text("SELECT across_mean, within_mean, starts, mean_excesses FROM pgvoice.library_tail")
    ).one()
    assert row.across_mean == pytest.approx(slow.across, abs=1e-5)
    assert row.within_mean == pytest.approx(slow.within, abs=1e-5)
    assert row.starts == pytest.approx(slow.starts, abs=1e-5)
    assert row.mean_excesses == pytest.approx(slow.mean_excesses, abs=1e-5)
    assert len(set(row.starts)) == 3


@pytest.mark.parametrize("share", [0.1, 0.05, 0.01, 0.001, 0.00001])
def test_the_tail_is_a_generalised_pareto_distribution(
    connection: Connection, share: float
) -> None:
    start, mean = 0.1, 0.04
    tail = genpareto(c=-0.15, scale=1.15 * mean)
    assert tail.mean() == pytest.approx(mean)
    found = connection.scalar(
        text("SELECT pgvoice_internal.tail_excess(:start, :mean, :share)"),
        {"start": start, "mean": mean, "share": share},
    )
    assert found == pytest.approx(start + tail.isf(share / 0.1))
    assert found == pytest.approx(excess(start, mean, share))


def test_a_large_share_is_exceeded_where_the_tail_begins(connection: Connection) -> None:
    found = connection.scalar(text("SELECT pgvoice_internal.tail_excess(0.1, 0.04, 0.5)"))
    assert found == 0.1


# What a threshold depends on


def test_strangers_get_no_name_and_people_do(library: VoiceStore) -> None:
    for video in TALKS:
        turns = {(t.start, t.end): t.label for t in library.recordings.turns(video) or []}
        for answer in library.answers.identify(video):
            speaks = turns[answer.start, answer.end]
            assert answer.speaker in (None, speaks)
            if answer.end - answer.start > 2 and speaks in (*PEOPLE[:2], *PEOPLE[4:6]):
                assert answer.speaker == speaks


def test_where_voices_are_alike_thresholds_are_higher(library: VoiceStore) -> None:
    assert _at(library, "hall", "person 1") > _at(library, "four", "person 1") + 0.01


def test_the_recording_that_somebody_is_enrolled_from(connection: Connection) -> None:
    """Only the recording's other voices count, without their own."""

    def comparisons(video: str, speaker: str) -> int:
        found: int = connection.execute(IMPOSTORS, {"video": video, "speaker": speaker}).one()[1]
        return found

    assert comparisons("one", "person 0") == 3
    # Of its own and of the three others, but for "one"; person 0 speaks in "four".
    assert comparisons("four", "person 0") == 3 + 3 * 4
    # Nobody who is enrolled speaks in "four" but persons 0 and 1.
    assert comparisons("four", "person 4") == 4 + 4 + 3 + 4


def test_one_voice_of_a_recording_may_be_the_person(
    library: VoiceStore, connection: Connection
) -> None:
    """A second one, as similar, is another person and counts."""
    before = connection.execute(IMPOSTORS, {"video": "four", "speaker": "person 0"}).one()
    connection.execute(
        text(
            "UPDATE pgvoice.voice SET embedding = (SELECT embedding FROM pgvoice.voice"
            " WHERE label = 'person 0' AND video_id = 4) WHERE video_id = 4 AND label = 'person 1'"
        )
    )
    after = connection.execute(IMPOSTORS, {"video": "four", "speaker": "person 0"}).one()
    assert after.comparisons == before.comparisons
    slow = SlowLibrary(library)
    twin = slow.voices[4]["person 0"] @ slow.profiles[_ids(library, "speaker", "name")["person 0"]]
    others = (
        slow.voices[4]["person 1"] @ slow.profiles[_ids(library, "speaker", "name")["person 0"]]
    )
    assert after.mean - before.mean == pytest.approx(
        (twin - others) / (before.comparisons + 3), abs=1e-5
    )


def test_thresholds_rise_with_the_gallery(library: VoiceStore) -> None:
    """At once, without a fill or a refresh."""
    sizes = [library.thresholds.required(gallery=people) for people in (1, 4, 16)]
    for band in range(3):
        one, four, sixteen = (each.bands[band] for each in sizes)
        assert one.threshold < four.threshold < sixteen.threshold
        assert one.suggested <= four.suggested < sixteen.suggested
    assert library.thresholds.required() == sizes[1]
    before = _at(library, "four", "person 0")
    turns = [t for t in library.recordings.turns("two") or [] if t.label == "person 3"]
    enroll(library, "two", turns, ["person 3"])
    try:
        assert library.thresholds.required().gallery == 5
        assert _at(library, "four", "person 0") > before
    finally:
        library.people.remove("person 3")
    assert _at(library, "four", "person 0") == before


def test_a_higher_target_lowers_thresholds(library: VoiceStore) -> None:
    strict, low = library.thresholds.required(), 0.05
    library.thresholds.set_target_far(low)
    try:
        assert library.thresholds.target_far() == low
        required = library.thresholds.required()
        assert required.source == "library of 5 recordings, FAR 5 %"
        for band, before in zip(required.bands, strict.bands, strict=True):
            assert band.threshold < before.threshold
    finally:
        library.thresholds.set_target_far(FAR)
    assert library.thresholds.required() == strict


@pytest.mark.parametrize("far", [0, -0.1, 0.11, 1, float("nan")])
def test_a_target_beyond_the_tail_is_refused(library: VoiceStore, far: float) -> None:
    with pytest.raises(ValueError, match=r"above 0 and at most 0\.1"):
        library.thresholds.set_target_far(far)
    with library.database.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE pgvoice.setting SET target_far = :far"), {"far": far})


def test_suggestions_begin_at_ten_times_the_target(library: VoiceStore) -> None:
    required = library.thresholds.required()
    library.thresholds.set_target_far(10 * FAR)
    try:
        looser = library.thresholds.required()
    finally:
        library.thresholds.set_target_far(FAR)
    assert [band.suggested for band in required.bands] == [band.threshold for band in looser.bands]


def test_answers_between_are_suggestions(library: VoiceStore) -> None:
    answers = [answer for video in TALKS for answer in library.answers.identify(video)]
    library.thresholds.set_target_far(10 * FAR)
    try:
        loosely = [answer for video in TALKS for answer in library.answers.identify(video)]
    finally:
        library.thresholds.set_target_far(FAR)
    for answer, looser in zip(answers, loosely, strict=True):
        # A segment that sounds like two people is ambiguous, however similar it is.
        assert (answer.reason in ("matched", "ambiguous")) == _reaches(answer)
        assert (answer.reason in ("matched", "ambiguous", "suggested")) == _reaches(looser)
    assert {answer.reason for answer in answers} >= {"matched", "suggested", "below_threshold"}
    assert not [a for a in answers if a.reason == "suggested" and a.speaker is not None]


def _reaches(answer: Identification) -> bool:
    assert answer.similarity is not None
    assert answer.threshold is not None
    return answer.similarity >= answer.threshold


# Where thresholds come from


def test_before_the_library_is_large_enough(store: VoiceStore) -> None:
    turns = talk(store, "one", PEOPLE[:4])
    enroll(store, "one", turns, PEOPLE[:1])
    default = store.thresholds.required()
    assert (default.kind, default.source) == ("encoder default", "encoder default: made up")
    assert {band.threshold for band in default.bands} == {0.5}
    talk(store, "two", PEOPLE[:4], seed=1)
    assert store.thresholds.required().kind == "encoder default"
    assert store.thresholds.library().missing_recordings == 1
    talk(store, "monologue", PEOPLE[:1], seed=2)
    assert store.thresholds.required().kind == "encoder default"
    talk(store, "three", PEOPLE[:2], seed=3)
    required = store.thresholds.required()
    assert (required.kind, required.threshold) == ("library", None)
    assert required.source == "library of 3 recordings, FAR 1 %"
    assert {a.threshold_source for a in store.answers.identify("one")} == {required.source}


def test_an_encoders_own_threshold_is_for_one_person(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 3): Z})
    start, mean = 0.25 * 0.5, 0.125 * 0.5
    for people in (1, 2, 10):
        above = excess(start, mean, FAR / people) - excess(start, mean, FAR)
        required = store.thresholds.required(gallery=people)
        assert required.threshold == pytest.approx(0.5 + np.sqrt(4 / 3) * above)
        assert required.gallery == people


def test_given_and_calibrated_thresholds_go_first(library: VoiceStore) -> None:
    slow = SlowLibrary(library).tail
    calibration = (
        "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
        " gallery, labels_from, measured, active)"
        " VALUES (1, 0.02, '{0,1500,2500}', '{0.6,0.61,0.62}', '{0,0,0}', 2, 'x', '{}', true)"
    )
    run(library.database.engine, calibration)
    try:
        required = library.thresholds.required()
        assert required.kind == "calibrated"
        for band, calibrated, start, mean in zip(
            required.bands, (0.6, 0.61, 0.62), slow.starts, slow.mean_excesses, strict=True
        ):
            shift = excess(start, mean, 0.02 / 4) - excess(start, mean, 0.02 / 2)
            assert band.threshold == pytest.approx(calibrated + shift, abs=1e-5)
        measured = library.thresholds.required(gallery=2)
        assert [band.threshold for band in measured.bands] == [0.6, 0.61, 0.62]
        given = library.thresholds.required(threshold=0.3)
        assert (given.kind, given.threshold, given.source) == ("given", 0.3, "given")
    finally:
        run(library.database.engine, "DELETE FROM pgvoice.calibration")
    assert library.thresholds.required().kind == "library"


def test_no_threshold_is_far_below_the_encoders_own(store: VoiceStore) -> None:
    """However different everybody sounds."""
    for seed in range(3):
        talk(store, f"v{seed}", PEOPLE[seed : seed + 4], seed=seed)
    enroll(store, "v0", store.recordings.turns("v0") or [], PEOPLE[:1])
    store.thresholds.set_target_far(0.1)
    thresholds = {answer.threshold for answer in store.answers.identify("v2")}
    assert min(t for t in thresholds if t is not None) == 0.75 * 0.5


# Labels that are one person


def test_two_labels_of_one_person_are_not_compared(store: VoiceStore) -> None:
    for seed in range(3):
        talk(store, f"v{seed}", PEOPLE[seed : seed + 4], seed=seed)
    before = store.thresholds.refresh()
    turns = store.recordings.turns("v0") or []
    half = [
        Turn(t.start, t.end, f"{t.label} again" if t.label == "person 0" and n % 2 else t.label)
        for n, t in enumerate(turns)
    ]
    store.recordings.store_turns("v0", half)
    after = store.thresholds.refresh()
    assert (before.over_split, after.over_split) == (0, 1)
    # Each of 24 segments with the voices of 4 other labels, but for the 6 of that person: 3.
    assert after.comparisons - before.comparisons == (18 * 4 + 6 * 3) - 24 * 3


# Rights


def test_a_reader_gets_rounded_thresholds(library: VoiceStore) -> None:
    exact = [band.threshold for band in library.thresholds.required().bands]
    with role(library.database.url, "reader_of_thresholds") as login:
        with engine_of(library.database.url) as engine:
            run(engine, "GRANT pgvoice_reader TO reader_of_thresholds")
        with engine_of(login) as engine, engine.connect() as connection:
            rows = connection.execute(text("SELECT * FROM pgvoice.required_by_duration()")).all()
            counts = connection.execute(text("SELECT recordings, voices FROM pgvoice.library_tail"))
            assert counts.all() == [(5, 20)]
    assert [row.threshold for row in rows] == [np.floor(100 * value) / 100 for value in exact]
