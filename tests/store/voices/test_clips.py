"""The best clip of a voice to listen to."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, unit
from sqlalchemy import text

from pgvoice.store import FillRun, SegmentKey, SegmentRow, Turn, VideoAudio, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

VOICE = text("SELECT clean_ms, segments, clip_start_ms, clip_end_ms FROM pgvoice.voice")
NEAR, FAR = unit(1, 0.1, 0), unit(1, 1, 0)
Span = tuple[float, float]


def _clip(store: VoiceStore, spans: Mapping[Span, Embedding], partial: Span | None = None) -> Span:
    """The clip in seconds of the voice that these segments make."""
    rows = [
        SegmentRow(_key(span), "partial" if span == partial else "ok", vector)
        for span, vector in spans.items()
    ]
    ids = store.recordings.register("v", VideoAudio("0" * 64, 60_000, "v"), ENCODER, THRESHOLD)
    store.recordings.write(ids, ENCODER, rows)
    store.recordings.store_turns("v", [Turn(*span, "A") for span in spans])
    store.recordings.record_fill("v", ENCODER, FillRun(len(rows), 0, len(rows)))
    with store.database.engine.connect() as connection:
        clean_ms, segments, start_ms, end_ms = connection.execute(VOICE).one()
    assert (clean_ms, segments) == (
        sum(row.key.end_ms - row.key.start_ms for row in rows),
        len(rows),
    )
    assert not any(check.problems for check in store.upkeep.verify())
    return start_ms / 1000, end_ms / 1000


def _key(span: Span) -> SegmentKey:
    return SegmentKey(round(span[0] * 1000), round(span[1] * 1000))


@pytest.mark.parametrize(
    ("spans", "clip"),
    [
        pytest.param({(0, 4): NEAR, (5, 9): FAR, (10, 18): NEAR}, (0, 4), id="close to the mean"),
        pytest.param({(0, 3): NEAR, (5, 7.9): X, (9, 11): X}, (0, 3), id="of 3 s"),
        pytest.param({(0, 20): X, (21, 25): FAR}, (6, 14), id="the middle of a long one"),
        pytest.param({(0, 8.1): X}, (0.05, 8.05), id="a middle between points of the grid"),
        pytest.param({(0, 1): X, (2, 4.5): FAR, (5, 6): X}, (2, 4.5), id="else the longest"),
        pytest.param({(0, 1): X}, (0, 1), id="the only one"),
        pytest.param({(0, 4): X, (5, 9): X}, (0, 4), id="the first of equals"),
    ],
)
def test_a_voice_has_a_clip(store: VoiceStore, spans: Mapping[Span, Embedding], clip: Span) -> None:
    assert _clip(store, spans) == clip


def test_what_was_heard_only_in_part_comes_last(store: VoiceStore) -> None:
    assert _clip(store, {(0, 5): X, (6, 7): X}, partial=(0, 5)) == (6, 7)


def test_the_beginning_is_what_was_heard(store: VoiceStore) -> None:
    assert _clip(store, {(0, 80): X}, partial=(0, 80)) == (0, 8)
