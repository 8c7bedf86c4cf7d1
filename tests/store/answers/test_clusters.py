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
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, Z, put, unit
from sqlalchemy import text

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


#: ann at .8 and bob at .8; twice ann at .45, apart from each other; twice a stranger at .45 to ann,
#: alike; a stranger; one too short, one silent.
WEAK = (unit(0.45, 0.1, 0.88), unit(0.45, 0.1, -0.88))
VOICES: list[Embedding | str] = [
    unit(0.8, 0.1, 0.59), unit(0.1, 0.8, 0.59), *WEAK, unit(0.45, 0.1, 0.88),
    unit(0.45, 0.12, 0.88), Z, "too_short", "silent",
]  # fmt: skip
SPANS: list[Span] = [(float(place), place + 1.0) for place in range(len(VOICES))]
ANN, BOB, WEAK_1, WEAK_2, ALIKE_1, ALIKE_2, STRANGER, SHORT, SILENT = SPANS


def _names(
    store: VoiceStore, spans: Sequence[Span], clusters: Sequence[str | None]
) -> list[str | None]:
    found = store.answers.identify_clusters("v", spans, clusters)
    return [each.identification.speaker for each in found]


def test_weak_segments_of_one_voice_are_heard_together(people: VoiceStore) -> None:
    found = people.answers.identify_clusters("v", [ANN, WEAK_1, WEAK_2], ["a"] * 3)
    answers = [each.identification for each in found]
    assert [answer.reason for answer in answers] == ["matched", "by_cluster", "by_cluster"]
    assert [answer.speaker for answer in answers] == ["ann"] * 3
    assert answers[1].similarity == pytest.approx(0.45, abs=0.01)
    assert found[0].evidence_similarity is None
    assert found[1].evidence_similarity == pytest.approx(0.976, abs=0.001)
    assert found[1].evidence_seconds == 2


def test_a_stranger_among_them_stays_unknown(people: VoiceStore) -> None:
    assert _names(people, [ANN, ALIKE_1, ALIKE_2], ["a"] * 3) == ["ann", None, None]
    assert _names(people, [STRANGER, WEAK_1, WEAK_2], ["a"] * 3) == [None, "ann", "ann"]


def test_a_calibration_of_single_segments_does_not_make_it_easier(people: VoiceStore) -> None:
    """A mean of several is nearer to everybody than each of them."""
    with people.database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pgvoice.calibration (encoder_id, band_ms, thresholds, margins,"
                " target_far, gallery, labels_from, measured, active)"
                " VALUES (1, '{0,1500}', '{0.48,0.1}', '{0,0}', 0.01, 4, 'test', '{}', true)"
            )
        )
    try:
        assert _names(people, [ALIKE_1, ALIKE_2], ["a"] * 2) == [None, None]
        assert _names(people, [WEAK_1, WEAK_2], ["a"] * 2) == ["ann", "ann"]
    finally:
        with people.database.engine.begin() as connection:
            connection.execute(text("DELETE FROM pgvoice.calibration"))


def test_other_clusters_are_no_evidence(people: VoiceStore) -> None:
    for clusters in (["a", "b"], [None, None], ["a", None]):
        assert _names(people, [WEAK_1, WEAK_2], clusters) == [None, None]


def test_a_segment_twice_is_no_more_evidence_than_once(people: VoiceStore) -> None:
    assert _names(people, [WEAK_1, WEAK_1], ["a", "a"]) == [None, None]


def test_a_cluster_of_several_is_split(people: VoiceStore) -> None:
    spans = [ANN, BOB, WEAK_1, WEAK_2, STRANGER, SHORT]
    found = people.answers.identify_clusters("v", spans, ["SPEAKER_00"] * 6)
    assert [each.identification.speaker for each in found] == [
        "ann", "bob", "ann", "ann", None, None,
    ]  # fmt: skip
    assert [str(summary) for summary in summarize_clusters(found)] == [
        "cluster SPEAKER_00: 3 ann, 1 bob, 2 unknown"
    ]


def test_what_is_too_short_goes_with_a_cluster_of_one(people: VoiceStore) -> None:
    assert _names(people, [ANN, SHORT, SILENT], ["a"] * 3) == ["ann", "ann", None]
    assert _names(people, [ANN, BOB, SHORT], ["a"] * 3)[2] is None
    assert _names(people, [ANN, STRANGER, SHORT], ["a"] * 3)[2] is None
    assert _names(people, [ANN, SHORT], ["a", None])[1] is None
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
