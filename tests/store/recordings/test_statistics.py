"""Statistics of what is stored."""

from __future__ import annotations

from pgvoice_testkit.stores.filled import OTHER_ENCODER, X, Y, put

from pgvoice.store import VoiceStore


def test_an_empty_store(store: VoiceStore) -> None:
    statistics = store.recordings.statistics()
    assert (statistics.all_time.requested, statistics.all_time.rate) == (0, None)
    assert (statistics.last_fill, statistics.holdings) == (None, [])


def test_holdings_by_video_and_encoder(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 2.1): "too_short"})
    put(store, "v", {(0, 1): X}, OTHER_ENCODER)
    put(store, "w", {(0, 1): "silent"})
    statistics = store.recordings.statistics()
    assert [(h.video, h.encoder, h.segments, h.statuses) for h in statistics.holdings] == [
        ("v", "toy@sha256:0123456789ab", 3, {"ok": 2, "too_short": 1}),
        ("v", "toy@sha256:fedcba987654", 1, {"ok": 1}),
        ("w", "toy@sha256:0123456789ab", 1, {"silent": 1}),
    ]
    assert all(h.bytes > 0 for h in statistics.holdings)
    assert statistics.bytes_on_disk > sum(h.bytes for h in statistics.holdings)
