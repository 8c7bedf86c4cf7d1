"""Who speaks in a diarizer's clusters: never less right than segment by segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_benchmarks.library import ENCODER as LARGE_ENCODER
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.writing import enroll, write_library
from pgvoice_testkit.servers.databases import migrate, new_database, plain
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, put, unit

from pgvoice.store import (
    ClusterIdentification,
    Exemplar,
    SegmentKey,
    VoiceStore,
    summarize_clusters,
)
from pgvoice.store.recordings.segment_rows import Embedding

Span = tuple[float, float]


@pytest.fixture(scope="module")
def module_store(server_url: str) -> Iterator[VoiceStore]:
    with new_database(server_url) as url:
        migrate(url)
        with VoiceStore.open(plain(url)) as store:
            yield store


@pytest.fixture(scope="module")
def people(module_store: VoiceStore) -> VoiceStore:
    """Enrolled: ann is X, bob is Y; `v` has segments of 1 s, each named for what it sounds like."""
    for name, voice in (("ann", X), ("bob", Y)):
        exemplar = Exemplar(voice, name[0] * 64, SegmentKey(0, 5000), name)
        module_store.people.enroll(name, [exemplar], ENCODER, THRESHOLD)
    put(module_store, "v", dict(zip(SPANS, VOICES, strict=True)))
    return module_store


#: ann three times, bob; twice at .45 to ann, like and unlike her other speech; a stranger; one too
#: short, one silent.
VOICES: list[Embedding | str] = [
    unit(0.8, 0.1, 0.59), unit(0.82, 0.05, 0.57), unit(0.9, 0.1, 0.42), unit(0.1, 0.8, 0.59),
    unit(0.45, 0.1, 0.88), unit(0.45, 0.1, -0.88), unit(0, 0.1, -1), "too_short", "silent",
]  # fmt: skip
SPANS: list[Span] = [(float(place), place + 1.0) for place in range(len(VOICES))]
ANN, ANN_2, ANN_3, BOB, WEAK, UNLIKE, STRANGER, SHORT, SILENT = SPANS
NAMED = [ANN, ANN_2, ANN_3]


def _names(
    store: VoiceStore,
    spans: Sequence[Span],
    clusters: Sequence[str | None],
    threshold: float | None = None,
) -> list[str | None]:
    found = store.answers.identify_clusters("v", spans, clusters, threshold=threshold)
    return [each.identification.speaker for each in found]


def test_a_weak_segment_gets_the_name_of_speech_that_it_sounds_like(people: VoiceStore) -> None:
    found = people.answers.identify_clusters("v", [*NAMED, WEAK, UNLIKE], ["a"] * 5)
    answers = [each.identification for each in found]
    assert [answer.reason for answer in answers] == [
        *["matched"] * 3, "by_cluster", "suggested",
    ]  # fmt: skip
    assert [answer.speaker for answer in answers] == [*["ann"] * 4, None]
    assert answers[3].similarity == pytest.approx(0.45, abs=0.01)
    assert found[0].evidence_similarity is None
    assert found[3].evidence_similarity == pytest.approx(0.902, abs=0.001)
    assert found[3].evidence_seconds == 5


def test_a_stranger_among_them_stays_unknown(people: VoiceStore) -> None:
    assert _names(people, [*NAMED, STRANGER], ["a"] * 4) == [*["ann"] * 3, None]


def test_a_name_rests_on_several_seconds_of_named_speech(people: VoiceStore) -> None:
    assert _names(people, [ANN, ANN_2, WEAK], ["a"] * 3)[2] == "ann"
    assert _names(people, [ANN, WEAK, SHORT], ["a"] * 3)[1:] == [None, None]
    assert _names(people, [WEAK, UNLIKE], ["a"] * 2) == [None, None]


def test_a_mean_must_be_nearer_than_single_segments(people: VoiceStore) -> None:
    """Any mean of several is nearer to everybody than each of them."""
    assert _names(people, [*NAMED, SHORT], ["a"] * 4, threshold=0.75)[3] == "ann"
    assert _names(people, [*NAMED, SHORT], ["a"] * 4, threshold=0.799) == [*["ann"] * 3, None]


def test_other_clusters_are_no_evidence(people: VoiceStore) -> None:
    for last in ("b", None):
        assert _names(people, [*NAMED, WEAK], [*["a"] * 3, last])[3] is None


def test_a_segment_twice_is_no_more_evidence_than_once(people: VoiceStore) -> None:
    assert _names(people, [ANN, ANN, ANN, WEAK], ["a"] * 4)[3] is None
    assert _names(people, [*NAMED, WEAK, WEAK], ["a"] * 5)[3:] == ["ann", "ann"]


def test_a_cluster_of_several_passes_no_name_on(people: VoiceStore) -> None:
    spans = [*NAMED, BOB, WEAK, SHORT]
    found = people.answers.identify_clusters("v", spans, ["SPEAKER_00"] * 6)
    assert [each.identification.speaker for each in found] == [
        "ann", "ann", "ann", "bob", None, None,
    ]  # fmt: skip
    assert [str(summary) for summary in summarize_clusters(found)] == [
        "cluster SPEAKER_00: 3 ann, 1 bob, 2 unknown"
    ]


def test_one_person_does_not_speak_twice_at_once(module_store: VoiceStore) -> None:
    spans = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (5.0, 7.0), (8.0, 8.2)]
    put(module_store, "twice", dict(zip(spans, [*VOICES[:3], VOICES[4], "too_short"], strict=True)))
    found = module_store.answers.identify_clusters("twice", spans, ["a"] * 5)
    assert [each.identification.speaker for each in found] == [*["ann"] * 3, None, None]
    apart = module_store.answers.identify_clusters("twice", spans[:3] + spans[4:], ["a"] * 4)
    assert [each.identification.speaker for each in apart] == ["ann"] * 4


def test_what_is_too_short_goes_with_a_cluster_of_one(people: VoiceStore) -> None:
    assert _names(people, [*NAMED, SHORT, SILENT], ["a"] * 5) == [*["ann"] * 4, None]
    assert _names(people, [ANN, ANN_2, SHORT], ["a"] * 3)[2] is None
    assert _names(people, [*NAMED, BOB, SHORT], ["a"] * 5)[4] is None
    assert _names(people, [*NAMED, STRANGER, SHORT], ["a"] * 5)[4] is None
    assert _names(people, [*NAMED, SHORT], [*["a"] * 3, None])[3] is None
    assert _names(people, [SHORT], ["a"]) == [None]


def test_what_is_not_there_gets_no_name(people: VoiceStore) -> None:
    """In the pipeline that this comes from it got that of the nearest segment."""
    (_, absent) = people.answers.identify_clusters("v", [ANN, (500.0, 501.0)], ["a", "a"])
    assert (absent.identification.speaker, absent.identification.reason) == (None, "missing")


def test_as_many_clusters_as_spans(people: VoiceStore) -> None:
    with pytest.raises(ValueError, match="1 labels for 2 spans"):
        people.answers.identify_clusters("v", [ANN, BOB], ["a"])
    assert people.answers.identify_clusters("v", [], []) == []


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_neither_order_nor_names_of_clusters_matter(
    people: VoiceStore, data: st.DataObject
) -> None:
    """Assignment within a video does not depend on order: nor does that of single segments."""
    labels = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=9, max_size=9))
    order = data.draw(st.permutations(range(9)))
    renamed = {"a": "SPEAKER_01", "b": "SPEAKER_00", None: None}
    first = people.answers.identify_clusters("v", SPANS, labels)
    second = people.answers.identify_clusters(
        "v", [SPANS[place] for place in order], [renamed[labels[place]] for place in order]
    )
    assert second == [replace(first[place], cluster=renamed[labels[place]]) for place in order]
    alone = people.answers.identify("v", SPANS)
    assert people.answers.identify("v", [SPANS[place] for place in order]) == [
        alone[place] for place in order
    ]
    for before, after in zip(alone, first, strict=True):
        if before.reason == "matched":
            assert after.identification == before


def test_three_hundred_segments_in_one_pass(server_url: str) -> None:
    """No more pairs than segments and clusters have with profiles: it grows as identify does."""
    library = Library(segments=600, profiles=30, video_segments=300)
    with new_database(server_url) as url:
        migrate(url)
        with VoiceStore.open(plain(url)) as store:
            write_library(store, library)
            enroll(store, library, range(library.profiles))
            video = library.video(0)
            spans = [(span.start_s, span.end_s) for span in video.spans]
            labels = [f"SPEAKER_{who:02}" for who in video.speakers]
            found = store.answers.identify_clusters(video.key, spans, labels, encoder=LARGE_ENCODER)
            alone = store.answers.identify(video.key, spans, encoder=LARGE_ENCODER)
    assert _right(found, video.speakers) >= sum(
        answer.speaker == f"person {who}" for answer, who in zip(alone, video.speakers, strict=True)
    )


def _right(
    found: list[ClusterIdentification], speakers: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> int:
    return sum(
        each.identification.speaker == f"person {who}"
        for each, who in zip(found, speakers, strict=True)
    )
