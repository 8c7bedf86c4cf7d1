"""Rosters: the only people who can be named, and the threshold for so many."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import X, Y, Z, put, unit

from pgvoice.store import UnknownSpeaker, VoiceStore


@pytest.fixture
def three(store: VoiceStore) -> VoiceStore:
    """Ann, Bob and Zoe, who are enrolled, and somebody who sounds most like Ann, then like Bob."""
    put(store, "v", {(0, 2): X, (2, 4): Y, (4, 6): Z, (6, 8): unit(3, 1, 0)})
    for name, start in (("ann", 0), ("bob", 2), ("zoe", 4)):
        store.people.enroll_segments(name, "v", [(start, start + 2)])
    return store


def test_nobody_else_is_named(three: VoiceStore) -> None:
    alone = three.answers.identify("v", [(6, 8)])[0]
    assert (alone.nearest, alone.runner_up) == ("ann", "bob")
    among = three.answers.identify("v", [(6, 8), (4, 6)], speakers=["bob", "zoe"])
    assert [(each.nearest, each.runner_up) for each in among] == [("bob", "zoe"), ("zoe", "bob")]
    assert [each.speaker for each in among] == [None, "zoe"]
    clustered = three.answers.identify_clusters("v", [(0, 2)], ["a"], speakers=["bob"])[0]
    assert (clustered.identification.nearest, clustered.identification.runner_up) == ("bob", None)


def test_the_threshold_is_that_of_so_many_people(three: VoiceStore) -> None:
    asked: list[list[str] | None] = [["ann"], ["ann", "bob"], None]
    thresholds = [three.answers.identify("v", [(0, 2)], speakers=c)[0].threshold for c in asked]
    required = [three.thresholds.required(gallery=number).threshold for number in (1, 2, 3)]
    assert thresholds == required
    assert thresholds == sorted(thresholds, key=lambda each: each or 0)
    assert len(set(thresholds)) == 3


def test_a_roster_of_nobody(three: VoiceStore) -> None:
    assert three.answers.identify("v", [(0, 2)], speakers=[])[0].reason == "no_profiles"


def test_a_name_that_nobody_has_is_an_error(three: VoiceStore) -> None:
    with pytest.raises(UnknownSpeaker, match="carl"):
        three.answers.identify("v", speakers=["ann", "carl"])
    with pytest.raises(UnknownSpeaker, match="carl"):
        three.labels.label(speakers=["carl"])


@pytest.mark.parametrize("videos", [["v"], None])
def test_labels_among_a_roster_are_what_identify_answers(
    three: VoiceStore, videos: list[str] | None
) -> None:
    three.labels.label(videos, speakers=["bob", "zoe"])
    answers = three.answers.identify("v", speakers=["bob", "zoe"])
    labels = [(each.key, each.speaker, each.runner_up) for each in three.labels.current("v")]
    assert labels == [(each.key, each.speaker, each.runner_up) for each in answers]
    assert [speaker for _, speaker, _ in labels] == [None, "bob", "zoe", None]
    assert three.privacy.audit()[0].details["speakers"] == ["bob", "zoe"]
    assert three.labels.relabel().changed > 0
    assert three.labels.current("v")[0].speaker == "ann"
