"""What is stored of each video, and why some segments have no vector."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import OTHER_ENCODER, X, Y, put
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import VoiceStore


def _coverage(store: VoiceStore, call: str) -> list[tuple[object, ...]]:
    columns = "video, segments, embedded, not_embedded, statuses, seconds, embedded_seconds"
    with store.database.engine.connect() as connection:
        found = connection.execute(text(f"SELECT {columns} FROM pgvoice.coverage({call})"))
        return [tuple(row) for row in found]


def test_an_empty_store(store: VoiceStore) -> None:
    assert _coverage(store, "") == []


def test_of_each_video_and_of_one(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 3): Y, (3, 3.1): "too_short", (4, 6): "silent"})
    put(store, "w", {(0, 1): "silent"})
    v = ("v", 4, 2, 2, {"ok": 2, "too_short": 1, "silent": 1}, 5.1, 3)
    w = ("w", 1, 0, 1, {"silent": 1}, 1, 0)
    assert _coverage(store, "") == [v, w]
    assert _coverage(store, "'w'") == [w]
    with pytest.raises(DBAPIError, match="no video 'nobody''s' in the store"):
        _coverage(store, "'nobody''s'")


def test_of_one_encoder(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    put(store, "v", {(0, 1): X}, OTHER_ENCODER)
    with store.database.engine.connect() as connection:
        encoder = connection.scalar(text("SELECT max(id) FROM pgvoice.encoder"))
    assert [row[1] for row in _coverage(store, f"encoder => {encoder}")] == [1]
