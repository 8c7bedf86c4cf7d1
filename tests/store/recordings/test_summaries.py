"""Recordings page by page: what is filled and named, and who speaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.filled import ENCODER, X, Y, Z, put

from pgvoice.store import Turn, VideoSummary, VoiceStore


@pytest.fixture(scope="module")
def listed(server_url: str, template: str) -> Iterator[VoiceStore]:
    """`a` has two people, one of them named, and a turn that is not filled; `B` has no turns."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        put(store, "a", {(0, 2): X, (2, 5): Y, (5, 9): Y})
        put(store, "B", {(0, 2): X, (3, 4): "silent"})
        put(store, "c%", {(0, 2): Z})
        turns = [Turn(0, 2, "S0"), Turn(2, 5, "S1"), Turn(5, 9, "S1"), Turn(9, 10, "S2")]
        store.recordings.store_turns("a", [*turns, Turn(0, 2, "S0")])
        store.recordings.store_turns("c%", [])
        store.people.enroll_segments("Ann", "a", [(0, 2)], force=True)
        store.labels.label()
        store.voices.enable()
        yield store


def test_a_summary_counts_segments_and_seconds(listed: VoiceStore) -> None:
    (found,) = listed.recordings.summaries(containing="a")
    assert found == VideoSummary(
        video="a",
        source="a.wav",
        seconds=600,
        last_end=10,
        turns=5,
        segments=4,
        filled=3,
        labelled=3,
        filled_at=None,
        speech_seconds=10,
        named_seconds=2,
        voice_seconds=7,
        speakers=(("Ann", 2),),
        encoder=str(ENCODER),
    )


def test_without_turns_all_stored_segments_count(listed: VoiceStore) -> None:
    (found,) = listed.recordings.summaries(containing="b")
    assert (found.turns, found.segments, found.filled, found.last_end) == (0, 2, 1, 4)
    assert (found.speech_seconds, found.named_seconds, found.voice_seconds) == (3, 2, 0)
    (empty,) = listed.recordings.summaries(containing="%")
    assert (empty.video, empty.segments, empty.last_end, empty.speakers) == ("c%", 0, None, ())


def test_they_come_in_pages_as_all_recordings_do(listed: VoiceStore) -> None:
    keys = [each.video for each in listed.recordings.videos()]
    pages, after = list[str](), None
    while page := listed.recordings.summaries(after=after, limit=2):
        pages += [each.video for each in page]
        after = page[-1].video
    assert pages == keys
    assert listed.recordings.summaries(limit=0) == []
    with pytest.raises(ValueError, match="max_rows"):
        listed.recordings.summaries(limit=-1)
