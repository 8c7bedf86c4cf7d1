"""Everything that judges a segment goes by the active calibration, and by the same rule."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import ENCODER, X, Y, put, unit
from pgvoice_testkit.stores.libraries import Library
from sqlalchemy import Connection, text

from pgvoice.store import VoiceStore
from pgvoice.store.answers.similar import SimilarFilter
from pgvoice.store.recordings import encoders

#: Measured with two people enrolled, as many as there are.
_INSERT = text(
    "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
    " gallery, far_bound, confidence, labels_from, measured) VALUES (:encoder, 0.01, :band_ms,"
    " :thresholds, :margins, 2, 0.03, 0.95, 'made up', '{}') RETURNING id"
)


def calibrate(
    connection: Connection, bands: list[int], thresholds: list[float], margins: list[float]
) -> int:
    """Keep and activate made-up thresholds."""
    encoder = encoders.find(connection, ENCODER).id
    values = {"band_ms": bands, "thresholds": thresholds, "margins": margins}
    made: int = connection.scalar(_INSERT, {"encoder": encoder} | values)
    connection.execute(text("SELECT pgvoice.activate_calibration(:id)"), {"id": made})
    return made


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann's voice at three lengths, and between ann and bob."""
    mine, between = unit(1, 0.3, 0.9), unit(1, 0.4, 0.5)
    put(store, "v", {(0, 1): mine, (0, 2): mine, (0, 4): mine, (5, 6): between, (5, 9): between})
    put(store, "w", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "w", [(0, 1)], min_speech=1)
    store.people.enroll_segments("bob", "w", [(1, 2)], min_speech=1)
    with store.database.engine.begin() as connection:
        calibrate(connection, [0, 2000, 4000], [0.9, 0.7, 0.75], [0.0, 0.0, 0.6])
    return store


EXPECTED = {
    (0, 1): "below_threshold",
    (0, 2): "matched",
    (0, 4): "below_threshold",
    (5, 6): "below_threshold",
    (5, 9): "ambiguous",
}


def test_identify_takes_the_band_of_the_length(library: VoiceStore) -> None:
    found = {(a.start, a.end): a.reason for a in library.answers.identify("v")}
    assert found == EXPECTED | {(0, 4): "suggested", (5, 6): "suggested"}
    given = {a.reason for a in library.answers.identify("v", threshold=0.1)}
    assert given == {"matched", "ambiguous"}, "the margin is still the calibration's"
    assert {a.reason for a in library.answers.identify("v", threshold=0.1, min_margin=0)} == {
        "matched"
    }


def test_each_answer_says_what_it_had_to_reach(library: VoiceStore) -> None:
    required = library.thresholds.required()
    assert (required.threshold, required.kind, required.gallery) == (None, "calibrated", 2)
    assert [(b.min_s, b.max_s, b.threshold) for b in required.bands] == [
        (0, 2, 0.9),
        (2, 4, 0.7),
        (4, None, 0.75),
    ]
    assert required.source.startswith("calibrated 20")
    assert required.source.endswith(", FAR at most 3 %")
    for answer in library.answers.identify("v"):
        seconds = answer.end - answer.start
        (band,) = (b for b in required.bands if b.min_s <= seconds < (b.max_s or 99))
        margin = 0.6 if seconds >= 4 else 0
        assert (answer.threshold, answer.min_margin) == (band.threshold, margin)
        assert answer.threshold_source == required.source


def test_each_answer_says_that_the_threshold_was_given(library: VoiceStore) -> None:
    for threshold, margin, expected in ((0.1, None, [0, 0, 0.6]), (0.1, 0.5, [0.5] * 3)):
        given = library.answers.identify(
            "v", [(0, 1), (0, 2), (0, 4)], threshold=threshold, min_margin=margin
        )
        assert [answer.min_margin for answer in given] == expected
        assert {(answer.threshold, answer.threshold_source) for answer in given} == {(0.1, "given")}
        required = library.thresholds.required(threshold=threshold, min_margin=margin)
        assert (required.threshold, required.kind, required.source) == (0.1, "given", "given")
        assert required.margin == expected[0]


def test_what_was_not_compared_had_to_reach_nothing(library: VoiceStore) -> None:
    (answer,) = library.answers.identify("v", [(50, 51)])
    assert answer.reason == "missing"
    assert (answer.threshold, answer.min_margin, answer.threshold_source) == (None, None, None)


QUESTIONS = {
    "identify('v', ARRAY[0.04, 7, 5], ARRAY[1.96, 8, 6])": [(0, 2000), (7000, 8000), (5000, 6000)],
    "identify_clusters('v', ARRAY[0.04, 0, 5], ARRAY[1, 4, 6], ARRAY['a', 'a', 'b'])": [
        (0, 1000),
        (0, 4000),
        (5000, 6000),
    ],
    "identify('v')": None,
    "speaker_segments('ann')": None,
    "similar_segments('v', 0.04, 1, same_video => false)": None,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_functions_return_times_in_seconds_and_in_milliseconds(
    library: VoiceStore, question: str
) -> None:
    with library.database.engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM pgvoice.{question}")).all()
    assert found
    for row in found:
        assert (row.start_s * 1000, row.end_s * 1000) == (row.start_ms, row.end_ms)
    expected = QUESTIONS[question]
    assert expected is None or [(row.start_ms, row.end_ms) for row in found] == expected


def test_search_finds_what_identify_gives(library: VoiceStore) -> None:
    for threshold, margin in ((None, None), (0.72, None), (None, 0.5), (0.1, 0.0)):
        found = {
            (a.video, a.start, a.end)
            for a in library.answers.appearances("ann", threshold=threshold, min_margin=margin)
        }
        named = {
            (video, a.start, a.end)
            for video in ("v", "w")
            for a in library.answers.identify(video, threshold=threshold, min_margin=margin)
            if a.speaker == "ann"
        }
        assert found == named


def test_labels_of_the_library_are_those_of_its_videos(library: VoiceStore) -> None:
    library.labels.label()
    kept = {(label.start, label.end): label.reason for label in library.labels.current("v")}
    assert kept == EXPECTED
    assert library.labels.label(["v"]).changed == 0


def test_similar_leaves_out_what_identify_gives(library: VoiceStore) -> None:
    found = library.answers.similar(
        "w", (1, 2), among=SimilarFilter(excluded_speakers=["ann"]), exact=True
    )
    assert {(a.start, a.end) for a in found} == {(0, 1), (0, 4), (5, 6), (5, 9)}


def test_a_run_says_what_it_went_by(library: VoiceStore) -> None:
    library.labels.label()
    run = library.labels.runs()[0]
    assert (run.threshold, run.margin, run.calibration) == (None, None, 1)
    library.labels.label(threshold=0.1)
    run = library.labels.runs()[0]
    assert (run.threshold, run.margin, run.calibration) == (0.1, None, 1)
    library.labels.label(threshold=0.2, min_margin=0.9)
    run = library.labels.runs()[0]
    assert (run.threshold, run.margin, run.calibration) == (0.2, 0.9, None)


def test_recalibrating_compares_nothing_again(library: VoiceStore) -> None:
    library.labels.label()
    with library.database.engine.begin() as connection:
        calibrate(connection, [0], [0.1], [0.0])
    told = library.labels.relabel(dry_run=True)
    assert {(move.from_reason, move.to_speaker) for move in told.moves} == {
        ("below_threshold", "ann"),
        ("ambiguous", "ann"),
    }
    with library.database.engine.begin() as connection:
        row = connection.execute(text("SELECT pairs FROM pgvoice.refresh_nearest()")).one()
        assert row.pairs == 0
        # Not even the dry run did: what is kept would be the answer if it were wrong.
        connection.execute(text("UPDATE pgvoice.nearest SET similarity = 0"))
    assert {move.to_reason for move in library.labels.relabel(dry_run=True).moves} == {
        "below_threshold"
    }


def test_verdicts_equal_identify_bit_for_bit(connection: Connection) -> None:
    library = Library(connection)
    for place in range(20):
        library.fill("v", place, unit(1, place, place % 3))
    library.enroll("ann", X)
    library.enroll("bob", Y)
    library.refresh()
    for bands in ([0], [0, 1000], [0, 1001]):
        size = len(bands)
        calibrate(connection, bands, [0.5, 0.8][:size], [0.1, 0.3][:size])
        for given in ((None, None), (0.3, None), (None, 0.2)):
            assert library.verdicts(*given) == library.identified(*given)


def test_only_one_calibration_is_active_and_resetting_keeps_it(library: VoiceStore) -> None:
    count = text("SELECT count(*), count(*) FILTER (WHERE active) FROM pgvoice.calibration")
    with library.database.engine.begin() as connection:
        calibrate(connection, [0], [0.1], [0.0])
        assert connection.execute(count).one() == (2, 1)
        assert connection.scalar(text("SELECT pgvoice.reset_calibration()")) == 2
        assert connection.scalar(text("SELECT pgvoice.reset_calibration()")) is None
        assert connection.execute(count).one() == (2, 0)
    assert {a.reason for a in library.answers.identify("v")} == {"matched"}


def test_the_bands_cost_a_lookup_not_a_call(connection: Connection) -> None:
    """The rule is computed once for all segments."""
    library = Library(connection)
    library.fill("v", 0, X)
    library.enroll("ann", X)
    calibrate(connection, [0, 2000], [0.5, 0.6], [0.0, 0.0])
    library.refresh()
    connection.execute(text("SET LOCAL track_functions = 'all'"))
    one = _calls_of_verdicts(connection, library)
    library.copy_segments(50)
    library.refresh()
    assert one["rule"] == 1
    assert _calls_of_verdicts(connection, library) == one


def _calls_of_verdicts(connection: Connection, library: Library) -> dict[str, int]:
    """How often our functions are called for the verdicts on all segments."""
    calls = text("SELECT funcname, calls FROM pg_stat_xact_user_functions")
    before = {row.funcname: row.calls for row in connection.execute(calls)}
    library.verdicts(None, None)
    after = {row.funcname: row.calls for row in connection.execute(calls)}
    return {name: n - before.get(name, 0) for name, n in after.items() if n > before.get(name, 0)}
