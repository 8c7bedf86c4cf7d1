"""What a span as people type it means, and which segments a diarizer's label has."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import X, Y, Z, put, unit
from sqlalchemy import text

from pgvoice.store import (
    AmbiguousSpan,
    NoEmbedding,
    NoSegment,
    OverlappedSpeech,
    SegmentKey,
    Turn,
    UnknownTurnLabel,
    UnknownVideo,
    VoiceStore,
)
from pgvoice.store.recordings.segment_rows import Embedding

Span = tuple[float, float]
#: Two voices in turn, one short answer inside a turn, and one that is too short for a vector.
TURNS = [
    Turn(10.0, 12.512, "A"),
    Turn(12.6, 16.051, "B"),
    Turn(16.743, 18.148, "A"),
    Turn(17.0, 17.4, "B"),
    Turn(19.02, 21.98, "A"),
    Turn(22.0, 22.2, "A"),
    Turn(30.0, 31.0, "B"),
    Turn(30.8, 31.8, "B"),
]


@pytest.fixture
def talk(store: VoiceStore) -> VoiceStore:
    rows: dict[Span, Embedding | str] = {
        (10, 12.5): X,
        (12.6, 16.1): Y,
        (16.7, 18.1): unit(5, 1, 0),
        (17, 17.4): Y,
        (19, 22): unit(5, 0, 1),
        (22, 22.2): "too_short",
        (30, 31): Y,
        (30.8, 31.8): Y,
        # From an earlier document.
        (16.8, 18.2): Z,
    }
    put(store, "talk", rows)
    store.recordings.store_turns("talk", TURNS)
    return store


def _found(store: VoiceStore, span: Span, *, with_vector: bool = False) -> list[Span]:
    (resolved,) = store.recordings.resolve("talk", [span], with_vector=with_vector)
    assert resolved.given == span
    return [(key.start_s, key.end_s) for key in resolved.segments]


@pytest.mark.parametrize(
    ("span", "means"),
    [
        ((16.7, 18.1), [(16.7, 18.1)]),
        ((16.74, 18.15), [(16.7, 18.1)]),
        ((16.6, 18.0), [(16.7, 18.1)]),
        ((16.8, 18.2), [(16.8, 18.2)]),
        ((10, 12.51), [(10, 12.5)]),
        ((16.5, 22.05), [(16.7, 18.1), (17, 17.4), (19, 22)]),
        ((18.95, 22.3), [(19, 22), (22, 22.2)]),
        ((16.9, 17.5), [(17, 17.4)]),
        ((12.2, 15.7), [(12.6, 16.1)]),
        ((29.9, 30.9), [(30, 31)]),
    ],
)
def test_what_a_span_means(talk: VoiceStore, span: Span, means: list[Span]) -> None:
    assert _found(talk, span) == means


def test_only_segments_with_a_vector(talk: VoiceStore) -> None:
    assert _found(talk, (18.95, 22.3), with_vector=True) == [(19, 22)]
    assert _found(talk, (22, 22.2), with_vector=True) == [(22, 22.2)]


def test_two_that_are_equally_near(talk: VoiceStore) -> None:
    with pytest.raises(AmbiguousSpan, match=r"choose one of 30-31, 30.8-31.8"):
        talk.recordings.resolve("talk", [(30.4, 31.4)])
    for ask in (
        lambda: talk.people.enroll_segments("ann", "talk", [(30.4, 31.4)], min_speech=1),
        lambda: talk.labels.unpin("talk", (30.4, 31.4)),
        lambda: talk.answers.similar("talk", (30.4, 31.4)),
    ):
        with pytest.raises(AmbiguousSpan, match=r"30.4-31.4 in 'talk' means several"):
            ask()


def test_none_within_half_a_second(talk: VoiceStore) -> None:
    near = "the nearest are 22-22.2, 30-31, 30.8-31.8"
    with pytest.raises(NoSegment, match=rf"no segment 23.0-29.0 in 'talk'.*{near}"):
        talk.recordings.resolve("talk", [(10, 12.5), (23, 29)])
    with pytest.raises(
        NoEmbedding, match=r"\(40.0, 41.0\) is missing.*the nearest are 19-22, 30-31"
    ):
        talk.people.enroll_segments("ann", "talk", [(10, 12.5), (40, 41)])
    assert talk.people.speakers() == []
    with pytest.raises(UnknownVideo):
        talk.recordings.resolve("x", [(0, 1)])


def test_without_stored_turns_every_segment_counts(store: VoiceStore) -> None:
    put(store, "talk", {(16.7, 18.1): X, (16.8, 18.2): Y})
    assert _found(store, (16.74, 18.11)) == [(16.7, 18.1)]
    put(store, "empty", {})
    with pytest.raises(NoSegment, match="none is stored"):
        store.recordings.resolve("empty", [(0, 1)])


def test_somebody_is_enrolled_with_what_a_span_means(talk: VoiceStore) -> None:
    # B speaks in the first one too.
    spans = [(16.743, 18.148), (18.9, 22.3)]
    with pytest.raises(OverlappedSpeech, match=r"\(B in 0.4 s of 16.7 to 18.1 s\)"):
        talk.people.enroll_segments("ann", "talk", spans)
    enrolled = talk.people.enroll_segments("ann", "talk", spans, force=True)
    assert (enrolled.added, enrolled.known) == (2, 0)
    assert [each.segments for each in enrolled.chosen] == [
        (SegmentKey(16_700, 18_100),),
        (SegmentKey(19_000, 22_000),),
    ]


def test_a_search_starts_from_one_segment(talk: VoiceStore) -> None:
    assert talk.answers.similar("talk", (16.743, 18.148)) == talk.answers.similar(
        "talk", (16.7, 18.1)
    )
    with pytest.raises(AmbiguousSpan, match=r"choose one of 16.7-18.1, 17.0-17.4, 19.0-22.0"):
        talk.answers.similar("talk", (16.5, 22.05))


def test_pins_of_what_a_span_means_are_one_run(talk: VoiceStore) -> None:
    run = talk.labels.pin("talk", (16.6, 22.3), None)
    assert [label.start for label in talk.labels.current("talk")] == [16.7, 17, 19, 22]
    assert {label.run for label in talk.labels.current("talk")} == {run}
    assert talk.labels.unpin("talk", (17.02, 17.41)) == 1
    assert [label.start for label in talk.labels.current("talk")] == [16.7, 19, 22]
    assert talk.labels.unpin("talk", (16.6, 22.3)) == 3
    assert talk.labels.current("talk") == []


def test_an_older_label_returns_when_one_of_several_pins_goes(talk: VoiceStore) -> None:
    talk.people.enroll_segments("ann", "talk", [(10, 12.5)])
    talk.labels.label(["talk"])
    before = talk.labels.current("talk")
    talk.labels.pin("talk", (9.9, 18.2), None)
    talk.labels.unpin("talk", (10, 12.5))
    talk.labels.unpin("talk", (12.6, 18.2))
    assert talk.labels.current("talk") == before


def test_the_segments_of_a_label(talk: VoiceStore) -> None:
    every, clear = (
        {
            label: [key.start_s for key in found.segments]
            for label, found in zip(
                "AB", talk.recordings.labelled("talk", "AB", clear=only_clear), strict=True
            )
        }
        for only_clear in (False, True)
    )
    assert every == {"A": [10, 16.7, 19, 22], "B": [12.6, 17, 30, 30.8]}
    assert clear == {"A": [10, 19], "B": [12.6]}
    enrolled = talk.people.enroll_segments("ann", "talk", labels=["A"])
    assert (enrolled.added, enrolled.chosen[0].given) == (2, "A")


@pytest.mark.parametrize(
    ("turns", "chosen"),
    [
        # Of 50 s, the longest up to 30 s.
        ([Turn(10 * i, 10 * i + 8 + i, "A") for i in range(5)], [20, 30, 40]),
        # Only short ones: the longest. Only overlapped ones: the one with most of its own.
        ([Turn(0, 1, "A"), Turn(2, 3.4, "A")], [2]),
        ([Turn(0, 4, "A"), Turn(1, 5, "B"), Turn(8, 12, "A"), Turn(11, 13, "B")], [8]),
    ],
)
def test_which_turns_of_a_label_are_clear(
    store: VoiceStore, turns: list[Turn], chosen: list[float]
) -> None:
    put(store, "talk", {(turn.start, turn.end): X for turn in turns})
    store.recordings.store_turns("talk", turns)
    (found,) = store.recordings.labelled("talk", ["A"], clear=True)
    assert [key.start_s for key in found.segments] == chosen


def test_labels_without_speech(talk: VoiceStore) -> None:
    put(talk, "silent", {(0, 1): "silent"})
    put(talk, "other", {(0, 1): X})
    talk.recordings.store_turns("silent", [Turn(0, 1, "A")])
    for video, label, why in (
        ("talk", "C", "the labels are A, B"),
        ("silent", "A", "none of its turns has a vector"),
        ("other", "A", "no turns with labels are stored"),
    ):
        with pytest.raises(UnknownTurnLabel, match=f"no speech of '{label}' in '{video}': {why}"):
            talk.people.enroll_segments("ann", video, labels=[label])
    assert talk.people.speakers() == []


def test_sql_users_ask_the_same(talk: VoiceStore) -> None:
    call = "SELECT start_s, end_s, start_ms FROM pgvoice.resolve_span('talk', 16.74, 18.15)"
    with talk.database.engine.connect() as connection:
        assert connection.execute(text(call)).all() == [(16.7, 18.1, 16_700)]
