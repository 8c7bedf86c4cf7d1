"""Suggestions: between a name and nothing, always with the rival, and never kept."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import X, Y, put, unit

from pgvoice.store import VoiceStore


@pytest.fixture
def similarity(store: VoiceStore) -> float:
    """To ann, of the segment from 4 to 6 s: too little for a name; to bob it is .2."""
    put(store, "v", {(0, 2): X, (2, 4): Y})
    store.people.enroll_segments("ann", "v", [(0, 2)])
    store.people.enroll_segments("bob", "v", [(2, 4)])
    (band,) = store.thresholds.required().bands
    between = (band.suggested + band.threshold) / 2
    put(store, "v", {(4, 6): unit(between, 0.2, (1 - between**2 - 0.2**2) ** 0.5)})
    return between


def test_it_names_nobody_and_has_a_rival(store: VoiceStore, similarity: float) -> None:
    first, _, answer = store.answers.identify("v")
    assert (answer.reason, answer.speaker, answer.nearest) == ("suggested", None, "ann")
    assert answer.suggestion is not None
    assert (answer.suggestion.name, answer.suggestion.rival) == ("ann", "bob")
    assert answer.suggestion.similarity == pytest.approx(similarity)
    assert answer.suggestion.rival_similarity == pytest.approx(0.2)
    assert str(answer.suggestion) == "ann or bob"
    assert (first.reason, first.suggestion) == ("matched", None)
    assert [place.start for place in store.answers.appearances("ann")] == [0.0]


@pytest.mark.usefixtures("similarity")
def test_it_begins_at_ten_times_the_target(store: VoiceStore) -> None:
    store.thresholds.set_target_far(0.1)
    assert [answer.reason for answer in store.answers.identify("v")] == ["matched"] * 3
    store.thresholds.set_target_far(0.0001)
    assert store.answers.identify("v")[2].reason == "below_threshold"


@pytest.mark.usefixtures("similarity")
def test_a_given_threshold_suggests_nobody(store: VoiceStore) -> None:
    (answer,) = store.answers.identify("v", [(4, 6)], threshold=0.9)
    assert (answer.reason, answer.suggestion) == ("below_threshold", None)


@pytest.mark.usefixtures("similarity")
@pytest.mark.parametrize("clusters", [True, False])
@pytest.mark.parametrize("videos", [["v"], None])
def test_it_never_enters_labels(
    store: VoiceStore, videos: list[str] | None, clusters: bool
) -> None:
    store.labels.label(videos, clusters=clusters)
    kept = store.labels.current("v")
    assert [(one.speaker, one.reason) for one in kept][-1] == (None, "below_threshold")
    assert store.labels.relabel(clusters=clusters).changed == 0


@pytest.mark.usefixtures("similarity")
def test_a_label_alone_leaves_it_suggested(store: VoiceStore) -> None:
    (answer,) = store.answers.identify_clusters("v", [(4, 6)], ["S0"])
    assert str(answer.identification.suggestion) == "ann or bob"


@pytest.mark.usefixtures("similarity")
def test_nobody_else_is_enrolled(store: VoiceStore) -> None:
    store.people.remove("bob")
    (answer,) = store.answers.identify("v", [(4, 6)])
    assert answer.suggestion is not None
    assert (answer.suggestion.rival, str(answer.suggestion)) == (None, "ann")
