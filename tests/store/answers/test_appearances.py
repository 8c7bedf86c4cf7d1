"""Where somebody speaks: exactly what identify says, over all videos."""

from __future__ import annotations

import numpy as np
import pytest
from pgvoice_testkit.stores.filled import X, Y, put, unit
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import UnknownSpeaker, VoiceStore


def test_best_first_over_all_videos(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0)})
    put(store, "w", {(4, 6): unit(1, 0.1, 0), (6, 7): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    found = store.answers.appearances("ann")
    assert [(a.video, a.start, a.end) for a in found] == [("v", 0, 1), ("w", 4, 6), ("v", 1, 2)]
    assert [a.similarity and round(a.similarity, 3) for a in found] == [1.0, 0.995, 0.894]
    assert [a.video for a in store.answers.appearances("ann", limit=1)] == ["v"]
    assert len(store.answers.appearances("ann", threshold=0.9)) == 2


def test_in_time_order(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): unit(1, 0.5, 0), (1, 2): X})
    put(store, "w", {(4, 6): unit(1, 0.1, 0)})
    store.people.enroll_segments("ann", "v", [(1, 2)], min_speech=1)
    by_time = store.answers.appearances("ann", order="time")
    assert [(a.video, a.start) for a in by_time] == [("v", 0), ("v", 1), ("w", 4)]
    assert [a.start for a in store.answers.appearances("ann", order="time", limit=1)] == [0]
    assert sorted(by_time, key=lambda a: -(a.similarity or 0)) == store.answers.appearances("ann")


def test_no_such_order(connection: Connection) -> None:
    with pytest.raises(DBAPIError, match="no order 'length'"):
        connection.execute(
            text("SELECT FROM pgvoice.speaker_segments('ann', 1, ordered => 'length')")
        ).all()


def test_nobody_of_that_name(store: VoiceStore) -> None:
    with pytest.raises(UnknownSpeaker, match=r"'ann'.*enroll list"):
        store.answers.appearances("ann")


@pytest.mark.parametrize("min_margin", [None, 0.2])
def test_search_is_identify_turned_round(store: VoiceStore, min_margin: float | None) -> None:
    noise = np.random.default_rng(3)
    for video in "vw":
        put(store, video, {(i, i + 1): unit(*noise.normal(size=3)) for i in range(40)})
    for i in range(5):
        store.people.enroll_segments(f"p{i}", "v", [(i, i + 1), (i + 5, i + 6)], force=True)
    named = {
        (video, answer.start, answer.speaker): answer.similarity
        for video in "vw"
        for answer in store.answers.identify(video, min_margin=min_margin)
        if answer.speaker
    }
    found = {
        (a.video, a.start, f"p{i}"): a.similarity
        for i in range(5)
        for a in store.answers.appearances(f"p{i}", min_margin=min_margin)
    }
    assert found == named
