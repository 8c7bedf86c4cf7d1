"""Turns: what is stored of them, what replaces them, and what is identified and labelled then."""

from __future__ import annotations

import math

import pytest
from pgvoice_testkit.servers.databases import migrate, new_database, plain, run
from pgvoice_testkit.stores.filled import ENCODER, X, Y, Z, put, unit
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import Turn, UnknownVideo, VideoAudio, VoiceStore
from pgvoice.store.database import schema
from pgvoice.store.recordings.segment_rows import Embedding
from pgvoice.store.recordings.turns import TurnSource, TurnsStored

#: Times that are not on the grid, in an order of their own.
TURNS = [
    Turn(2.04, 3.96, "S1", "second"),
    Turn(0.013, 1.987, "S0", "first"),
    Turn(2.04, 3.96, "S0"),
    Turn(4.0, 4.2, None, "third"),
]
WITHOUT_TEXT = [Turn(turn.start, turn.end, turn.label) for turn in TURNS]
#: Named by itself, and 0.45 like X but like the other.
NAMED, WEAK = unit(0.8, 0.1, 0.59), unit(0.45, 0.1, 0.88)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """`v` is filled for the turns and for one more segment; ann is enrolled from `w`."""
    put(store, "v", {(0, 2): X, (2, 4): Y, (4, 4.2): "too_short", (6, 8): X})
    put(store, "w", {(0, 2): X})
    store.people.enroll_segments("ann", "w", [(0, 2)])
    return store


def _asked(store: VoiceStore, video: str = "v") -> list[tuple[float, float, str | None]]:
    return [(each.start, each.end, each.speaker) for each in store.answers.identify(video)]


def test_turns_come_back_as_they_were_without_their_text(library: VoiceStore) -> None:
    assert library.recordings.turns("v") is None
    stored = library.recordings.store_turns("v", TURNS, source="v.rttm")
    assert stored == TurnsStored(turns=4, added=4, removed=0, source_before=None)
    assert library.recordings.turns("v") == WITHOUT_TEXT
    assert library.recordings.turns("w") is None


def test_a_store_keeps_text_only_if_it_was_created_so(server_url: str) -> None:
    with new_database(server_url) as url:
        migrate(url, keep_text=True)
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 2): X})
            store.recordings.store_turns("v", TURNS)
            assert store.recordings.turns("v") == TURNS
            schema.upgrade(store.database.engine)
            store.recordings.store_turns("v", TURNS[:1])
            assert store.recordings.turns("v") == TURNS[:1]


def test_other_turns_replace_those_before_and_say_what_changed(library: VoiceStore) -> None:
    library.recordings.store_turns("v", TURNS, source="v.rttm")
    same = library.recordings.store_turns("v", list(reversed(TURNS)), source="v.rttm")
    assert (same.added, same.removed, same.source_before) == (0, 0, "v.rttm")
    other = [TURNS[1], Turn(2.0, 4.0, "S1"), Turn(2.0, 4.0, "S1")]
    stored = library.recordings.store_turns("v", other, source="other.json")
    assert stored == TurnsStored(turns=3, added=2, removed=3, source_before="v.rttm")
    assert library.recordings.turns("v") == [WITHOUT_TEXT[1], *other[1:]]
    assert library.recordings.store_turns("v", []).removed == 3
    assert library.recordings.turns("v") == []


def test_turns_can_be_added(library: VoiceStore) -> None:
    library.recordings.store_turns("v", TURNS[:2], source="v.rttm")
    stored = library.recordings.store_turns("v", TURNS[1:3], source="w.rttm", add=True)
    assert stored == TurnsStored(turns=3, added=1, removed=0, source_before="v.rttm")
    assert library.recordings.turns("v") == WITHOUT_TEXT[:3]
    (found,) = [each for each in library.recordings.videos() if each.video == "v"]
    assert found.turns_source == "v.rttm"


def test_turns_say_where_they_come_from(library: VoiceStore) -> None:
    recordings = library.recordings
    assert recordings.turn_source("v") is recordings.turn_source("other") is None
    recordings.store_turns("v", TURNS, segmenter="s@1 step 1")
    assert recordings.turn_source("v") == TurnSource(None, "s@1 step 1")
    assert (found := recordings.video("v")).segmenter == "s@1 step 1"
    assert found.turns_source is None
    recordings.store_turns("v", [Turn(9, 10)], segmenter="s@1 step 1", add=True)
    assert recordings.turn_source("v") == TurnSource(None, "s@1 step 1")
    recordings.store_turns("v", [Turn(10, 11)], source="v.rttm", add=True)
    assert recordings.turn_source("v") == TurnSource(None, None)
    recordings.store_turns("v", TURNS, source="v.rttm")
    assert recordings.turn_source("v") == TurnSource("v.rttm", None)
    with pytest.raises(DBAPIError, match="turn_document_segmenter_check"):
        recordings.store_turns("v", TURNS, source="v.rttm", segmenter="s@1 step 1")


def test_what_a_database_cannot_store_is_escaped(library: VoiceStore) -> None:
    library.recordings.store_turns("v", [Turn(0, 2, "a\0b\ud800é")], source="\udcff.rttm")
    assert library.recordings.turns("v") == [Turn(0, 2, r"a\x00b\ud800é")]


@pytest.mark.parametrize("turn", [Turn(math.nan, 1), Turn(0, math.inf), Turn(-5, 1), Turn(3, 1)])
def test_no_turn_is_stored_that_is_not_a_span_of_time(library: VoiceStore, turn: Turn) -> None:
    with pytest.raises(DBAPIError):
        library.recordings.store_turns("v", [turn])
    assert library.recordings.turns("v") is None


def test_arrays_must_be_equally_long_and_the_video_known(library: VoiceStore) -> None:
    with pytest.raises(UnknownVideo):
        library.recordings.store_turns("other", TURNS)
    with pytest.raises(DBAPIError, match="2 starts, 1 ends, 2 labels and 2 texts"):
        run(
            library.database.engine,
            "SELECT pgvoice.store_turns('v', ARRAY[0, 1], ARRAY[2], ARRAY['a', 'b'],"
            " ARRAY[NULL, NULL])",
        )


def test_a_videos_segments_are_those_of_its_turns(library: VoiceStore) -> None:
    every = [(0, 2, "ann"), (2, 4, None), (4, 4.2, None), (6, 8, "ann")]
    assert _asked(library) == every
    library.recordings.store_turns("v", TURNS)
    assert _asked(library) == every[:3]
    assert [place.start for place in library.answers.appearances("ann") if place.video == "v"] == [
        0
    ]
    library.recordings.store_turns("v", [*TURNS, Turn(10, 11)])
    assert [each.reason for each in library.answers.identify("v")][-1] == "missing"
    assert library.labels.label(["v"]).segments == 3
    assert library.labels.label().segments == 4
    library.recordings.store_turns("v", [])
    assert _asked(library) == []


def test_labels_of_turns_that_are_gone_are_not_shown(library: VoiceStore) -> None:
    library.labels.label()
    library.labels.pin("v", (6, 8), "ann")
    library.recordings.store_turns("v", TURNS[:1])
    assert [(one.start, one.reason) for one in library.labels.current("v")] == [
        (2, "below_threshold"),
        (6, "pinned"),
    ]
    library.recordings.store_turns("v", TURNS)
    assert [one.start for one in library.labels.current("v")] == [0, 2, 4, 6]


def test_turns_with_one_label_are_judged_together_from_the_store(store: VoiceStore) -> None:
    rows: dict[tuple[float, float], Embedding | str] = {
        (0, 1): NAMED, (1, 2): NAMED, (2, 3): WEAK, (3, 3.2): "too_short", (5, 6): Z,
    }  # fmt: skip
    put(store, "v", rows)
    put(store, "w", {(0, 2): X})
    store.people.enroll_segments("ann", "w", [(0, 2)])
    labels = [Turn(*span, "S1" if span[0] == 5 else "S0") for span in rows]
    store.recordings.store_turns("v", labels)
    with store.database.engine.connect() as connection:
        found = connection.execute(
            text("SELECT start_s, cluster, speaker, reason FROM pgvoice.identify_clusters('v')")
        )
        assert [tuple(row) for row in found] == [
            (0, "S0", "ann", "matched"),
            (1, "S0", "ann", "matched"),
            (2, "S0", "ann", "by_cluster"),
            (3, "S0", "ann", "by_cluster"),
            (5, "S1", None, "below_threshold"),
        ]
    alone = store.labels.label(["v"], clusters=False, dry_run=True)
    assert sum(move.segments for move in alone.moves if move.to_speaker is None) == 3
    for videos in (["v"], None):
        kept = store.labels.label(videos)
        assert [(one.start, one.speaker, one.reason) for one in store.labels.current("v")] == [
            (0, "ann", "matched"),
            (1, "ann", "matched"),
            (2, "ann", "by_cluster"),
            (3, "ann", "by_cluster"),
            (5, None, "below_threshold"),
        ]
        assert kept.speakers == 1
        if kept.run is not None:
            store.labels.revert(kept.run)
    store.people.remove("ann")
    assert {one.reason for one in store.labels.current("v")} <= {"removed", "below_threshold"}


def test_the_list_of_recordings(library: VoiceStore) -> None:
    before, other = library.recordings.videos()
    assert (before.video, before.source, before.seconds) == ("v", "v.wav", 600)
    assert (before.turns_source, before.turns, before.labels) == (None, 0, 0)
    assert (before.filled, before.labelled, other.filled) == (3, 0, 1)
    library.recordings.store_turns("v", TURNS, source="v.rttm")
    library.labels.label()
    after, _ = library.recordings.videos(encoder=ENCODER)
    assert (after.turns_source, after.turns, after.labels) == ("v.rttm", 4, 2)
    assert (after.filled, after.labelled) == (2, 3)
    assert after.changed_at > before.changed_at


def test_erased_speech_keeps_neither_label_nor_text(server_url: str) -> None:
    with new_database(server_url) as url:
        migrate(url, keep_text=True)
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 2): X, (2, 4): Y})
            put(store, "w", {(0, 2): Y})
            store.people.enroll_segments("S0", "v", [(0, 2)])
            store.recordings.store_turns("v", TURNS[:2])
            store.recordings.store_turns("w", [Turn(0, 2, " \N{FULLWIDTH LATIN SMALL LETTER S}0")])
            done = store.privacy.erase_speaker("S0", with_segments=True)
            assert done.count("turns labelled with the name") == 2
            assert store.recordings.turns("v") == [TURNS[0], Turn(0.013, 1.987)]
            assert store.recordings.turns("w") == [Turn(0, 2)]
            again = store.recordings.store_turns("v", TURNS[:2])
            assert (again.added, again.removed) == (0, 0)
            assert store.recordings.turns("v") == [TURNS[0], Turn(0.013, 1.987)]
            store.privacy.erase_video("v")
            with store.database.engine.connect() as connection:
                left = connection.scalar(text("SELECT count(*) FROM pgvoice.turn"))
            assert left == 1


def test_turns_of_other_audio_go_with_it(library: VoiceStore) -> None:
    library.recordings.store_turns("v", TURNS)
    audio = VideoAudio("b" * 64, 1000, "new.wav")
    threshold = library.encoders.find().threshold
    library.recordings.register("v", audio, ENCODER, threshold, "replace")
    assert library.recordings.turns("v") is None
