"""The progress of ingests, computed in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, put
from sqlalchemy import text

from pgvoice.store import Turn, VoiceStore
from pgvoice.store.upkeep.ingests import IngestStatus, Outcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _expect(store: VoiceStore, *videos: str, name: str = "library") -> None:
    store.ingests.expect(name, {video: {"video": video} for video in videos})


def _fill(
    store: VoiceStore, video: str, ended: float, took: float, *, error: str | None = None
) -> None:
    """Note a fill of two vectors and a minute of speech, some seconds after `NOW`."""
    made = (2, 2, 60.0) if error is None else (0, 0, 0.0)
    store.ingests.settle("library", [Outcome(video, error, *made, took)])
    with store.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE pgvoice.ingest_video SET changed_at = :at WHERE video = :video"),
            {"at": NOW + timedelta(seconds=ended), "video": video},
        )


def _status(store: VoiceStore) -> IngestStatus:
    (status,) = store.ingests.status("library")
    return status


def test_nothing_is_known_before_something_was_filled(store: VoiceStore) -> None:
    assert store.ingests.status() == []
    _expect(store, "a", "b")
    store.ingests.settle("library", [Outcome("a")])
    status = _status(store)
    assert (status.videos, status.unlabelled, status.failed, status.waiting) == (2, 1, 0, 1)
    assert (status.wall_seconds, status.vectors_per_second, status.seconds_left) == (0, None, None)


def test_two_workers_take_half_the_wall_time(store: VoiceStore) -> None:
    _expect(store, *"abcdef")
    for video, ended in (("a", 10), ("b", 10), ("c", 20), ("d", 20)):
        _fill(store, video, ended, 10, error="no" if video == "d" else None)
    status = _status(store)
    assert (status.unlabelled, status.failed, status.waiting, status.filled) == (3, 1, 2, 6)
    assert (status.work_seconds, status.wall_seconds) == (40, 20)
    assert (status.vectors_per_second, status.speech_per_second) == (6 / 20, 180 / 20)
    assert status.speech_per_work_second == 180 / 40
    assert status.seconds_left == 2 * 20 / 4
    assert status.changed_at >= NOW


def test_a_break_takes_no_time_unless_it_is_short(store: VoiceStore) -> None:
    _expect(store, *"abcd")
    for video, ended in (("a", 10), ("b", 50), ("c", 10_000)):
        _fill(store, video, ended, 10)
    status = _status(store)
    assert status.wall_seconds == 50 + 10
    assert status.seconds_left == (50 + 10) / 3


def test_the_pace_is_that_of_late(store: VoiceStore) -> None:
    slow = [f"slow {number}" for number in range(30)]
    fast = [f"fast {number}" for number in range(100)]
    _expect(store, *slow, *fast, "left")
    for number, video in enumerate(slow):
        _fill(store, video, 60 * number, 60)
    for number, video in enumerate(fast):
        _fill(store, video, 10_000 + number, 1)
    assert _status(store).seconds_left == pytest.approx(1.0)
    assert _status(store).wall_seconds == pytest.approx(30 * 60 + 100)


def test_a_recording_is_done_once_its_labels_are_stored(store: VoiceStore) -> None:
    _expect(store, *"abc")
    for video in "ab":
        put(store, video, {(0, 1): X})
        _fill(store, video, 10, 10, error="no" if video == "b" else None)
    assert store.ingests.unlabelled("library") == ["a"]
    store.ingests.finish("library", ["a", "b", "c"])
    status = _status(store)
    assert (status.done, status.unlabelled, status.failed, status.waiting) == (1, 0, 1, 1)
    assert store.ingests.unlabelled("library") == []
    store.ingests.settle("library", [Outcome("a"), Outcome("b")])
    assert store.ingests.unlabelled("library") == ["b"]
    _fill(store, "a", 20, 1)
    assert store.ingests.unlabelled("library") == ["a", "b"]
    assert _status(store).work_seconds == 10 + 10 + 1


def test_a_recording_that_is_not_stored_waits_for_no_labels(store: VoiceStore) -> None:
    _expect(store, "gone")
    _fill(store, "gone", 0, 1)
    assert store.ingests.unlabelled("library") == []


# Recordings without given segments


@pytest.mark.parametrize(
    ("segmenter", "asked", "filled", "complete"),
    [
        (None, "s@1", [(0, 2), (1, 3), (0, 1), (2, 3)], True),
        ("s@1", "s@1", [(0, 2), (1, 3), (0, 1), (2, 3)], True),
        ("s@1", "s@2", [(0, 2), (1, 3), (0, 1), (2, 3)], False),
        ("s@1", None, [(0, 2), (1, 3), (0, 1), (2, 3)], False),
        ("s@1", "s@1", [(0, 2), (1, 3), (0, 1)], False),
        ("s@1", "s@1", [(0, 2), (0, 1), (2, 3)], False),
    ],
)
def test_stored_turns_say_what_is_complete(
    store: VoiceStore,
    segmenter: str | None,
    asked: str | None,
    filled: list[tuple[float, float]],
    complete: bool,
) -> None:
    put(store, "a", dict.fromkeys(filled, X))
    store.recordings.store_turns("a", [Turn(0, 2, "A"), Turn(1, 3, "B")], segmenter=segmenter)
    found = store.ingests.complete_from_store(ENCODER, ["a", "unknown"], asked)
    assert found == ({"a"} if complete else set())
    assert store.ingests.complete_from_store(OTHER_ENCODER, ["a"], asked) == set()


def test_a_recording_is_complete_without_turns_only_if_something_looked_for_them(
    store: VoiceStore,
) -> None:
    for video in ("silence", "vectors alone"):
        put(store, video, {(0, 1): X})
    store.recordings.store_turns("silence", [], segmenter="s@1")
    videos = ["silence", "vectors alone"]
    assert store.ingests.complete_from_store(ENCODER, videos, "s@1") == {"silence"}


def test_erased_speech_is_not_waited_for(store: VoiceStore) -> None:
    put(store, "a", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("Ann", "a", [(0, 1)], min_speech=1)
    store.recordings.store_turns("a", [Turn(0, 1, "A"), Turn(1, 2, "B")], segmenter="s@1")
    store.privacy.erase_speaker("Ann", with_segments=True)
    assert store.ingests.complete_from_store(ENCODER, ["a"], "s@1") == {"a"}


def test_nothing_left_takes_no_time(store: VoiceStore) -> None:
    _expect(store, "a")
    _fill(store, "a", 0, 5)
    assert _status(store).seconds_left == 0
    _expect(store, "b", name="another")
    assert [each.ingest for each in store.ingests.status()] == [
        "another",
        "library",
    ]
