"""A video has one fill at a time; every fill is recorded."""

from __future__ import annotations

import threading

from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD

from pgvoice.store import FillRun, VoiceStore


def test_a_second_fill_of_a_video_waits_and_another_video_does_not(store_url: str) -> None:
    order: list[str] = []
    holding, release = threading.Event(), threading.Event()

    def first() -> None:
        with VoiceStore.open(store_url) as store, store.recordings.filling("v"):
            holding.set()
            release.wait(30)
            order.append("first")

    def second() -> None:
        with VoiceStore.open(store_url) as store, store.recordings.filling("v"):
            order.append("second")

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert holding.wait(30)
    with VoiceStore.open(store_url) as store, store.recordings.filling("w"):
        order.append("other video")
    threads.append(threading.Thread(target=second))
    threads[1].start()
    release.set()
    for thread in threads:
        thread.join(30)
    assert order == ["other video", "first", "second"]


def test_records_add_up_to_hits_and_misses(store: VoiceStore) -> None:
    for video in "vw":
        store.recordings.register(video, None, ENCODER, THRESHOLD)
    store.recordings.record_fill("v", ENCODER, FillRun(10, 0, 9, {"silent": 1}, 1.5, 2.5, "cpu"))
    store.recordings.record_fill("v", ENCODER, FillRun(10, 10))
    store.recordings.record_fill("w", ENCODER, FillRun(5, 0, 5))
    statistics = store.recordings.statistics()
    assert (statistics.all_time.requested, statistics.all_time.hits) == (25, 10)
    assert statistics.all_time.misses == 15
    assert statistics.all_time.rate == 0.4
    assert statistics.last_fill is not None
    assert (statistics.last_fill.video, statistics.last_fill.hits.rate) == ("w", 0.0)
