"""Data erased while it is in use: a clear error, and nothing of it comes back."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.disturbing_encoder import DisturbedEncoder
from pgvoice_testkit.stores.filled import X, Y, put
from sqlalchemy import text

from pgvoice.hooks import fill
from pgvoice.store import PgvoiceError, Turn, VoiceStore
from pgvoice.store.errors import UnknownSpeaker, UnknownVideo, VideoErased

SEGMENTS = [(float(n), n + 1.0) for n in range(6)]
ERASE = text("DELETE FROM pgvoice.video WHERE key = :key")


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 3), voice(220, 3, 1))


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("DELETE FROM pgvoice.video WHERE key = 'v'", UnknownVideo),
        ("DELETE FROM pgvoice.speaker WHERE name = 'ann'", UnknownSpeaker),
    ],
)
def test_a_pin_waits_for_an_erasure(
    store: VoiceStore, statement: str, error: type[PgvoiceError]
) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    with ThreadPoolExecutor(1) as pool, store.database.engine.connect() as erasing:
        erasing.execute(text(statement))
        pin = pool.submit(store.labels.pin, "v", (0, 1), "ann")
        _wait_until_somebody_waits(store)
        erasing.commit()
        with pytest.raises(error) as caught:
            pin.result(20)
    assert "\n" not in str(caught.value)
    assert store.labels.runs() == []
    assert not any(check.problems for check in store.upkeep.verify())


def test_turns_wait_for_an_erasure(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    with ThreadPoolExecutor(1) as pool, store.database.engine.connect() as erasing:
        erasing.execute(ERASE, {"key": "v"})
        storing = pool.submit(store.recordings.store_turns, "v", [Turn(0, 1)])
        _wait_until_somebody_waits(store)
        erasing.commit()
        with pytest.raises(UnknownVideo):
            storing.result(20)


def _wait_until_somebody_waits(store: VoiceStore) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    deadline = time.monotonic() + 20
    with store.database.engine.connect() as connection:
        while not connection.scalar(waiting):
            connection.rollback()
            assert time.monotonic() < deadline, "nobody waits"
            threading.Event().wait(0.005)


@pytest.mark.parametrize("at", [0, 3, 5])
def test_a_video_that_is_erased_under_its_fill(store: VoiceStore, wav: Path, at: int) -> None:
    def erase() -> None:
        with store.database.engine.begin() as connection:
            connection.execute(ERASE, {"key": "v"})

    with pytest.raises(VideoErased) as caught:
        fill(store, DisturbedEncoder(erase, at), video="v", audio=wav, segments=SEGMENTS)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnknownVideo):
        store.answers.identify("v")
    assert not any(check.problems for check in store.upkeep.verify())
    again = CountingEncoder()
    fill(store, again, video="v", audio=wav, segments=SEGMENTS)
    assert sum(again.calls) == 6


def test_a_speaker_who_is_removed_under_a_fill(store: VoiceStore, wav: Path) -> None:
    fill(store, CountingEncoder(), video="first", audio=wav, segments=SEGMENTS)
    store.people.enroll_segments("ann", "first", SEGMENTS[:2], force=True)
    encoder = DisturbedEncoder(lambda: store.people.remove("ann"), 3)
    assert fill(store, encoder, video="v", audio=wav, segments=SEGMENTS).run.filled == 6
    assert {answer.reason for answer in store.answers.identify("v")} == {"no_profiles"}
    assert store.people.speakers() == []
    assert not any(check.problems for check in store.upkeep.verify())
