"""The progress of ingests, computed in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from pgvoice.store import VoiceStore
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
    assert (status.videos, status.done, status.failed, status.waiting) == (2, 1, 0, 1)
    assert (status.wall_seconds, status.vectors_per_second, status.seconds_left) == (0, None, None)


def test_two_workers_take_half_the_wall_time(store: VoiceStore) -> None:
    _expect(store, *"abcdef")
    for video, ended in (("a", 10), ("b", 10), ("c", 20), ("d", 20)):
        _fill(store, video, ended, 10, error="no" if video == "d" else None)
    status = _status(store)
    assert (status.done, status.failed, status.waiting, status.filled) == (3, 1, 2, 6)
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


def test_nothing_left_takes_no_time(store: VoiceStore) -> None:
    _expect(store, "a")
    _fill(store, "a", 0, 5)
    assert _status(store).seconds_left == 0
    _expect(store, "b", name="another")
    assert [each.ingest for each in store.ingests.status()] == [
        "another",
        "library",
    ]
