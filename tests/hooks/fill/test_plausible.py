"""Segments that cannot belong to the audio are refused before anything is stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import TimesBeyondAudio, fill
from pgvoice.hooks.fill.plausible import check_times
from pgvoice.store import SegmentKey, VoiceStore

Spans = list[tuple[float, float]]


def keys(*spans: tuple[float, float]) -> list[SegmentKey]:
    return [SegmentKey(round(start * 1000), round(end * 1000)) for start, end in spans]


@pytest.mark.parametrize(
    "spans",
    [
        [(0.0, 2500.5)],
        [(0.0, 2500.0), (2600.0, 4180.0), (4500.0, 59_001.0)],
        [(250.0, 650.0), (730.0, 900.0), (920.0, 1380.0)],  # words
    ],
)
def test_milliseconds(spans: Spans) -> None:
    with pytest.raises(TimesBeyondAudio, match="look like milliseconds; divide the times by 1000"):
        check_times(keys(*spans), 60_000)


def test_another_recording() -> None:
    spans = keys((70.0, 71.0), (80.0, 90.0), (100.0, 101.0))
    message = (
        r"3 of 3 segments end after the audio, which lasts 60 s; the first is 70 to 71 s: give"
    )
    with pytest.raises(TimesBeyondAudio, match=message):
        check_times(spans, 60_000)


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [(500.0, 502.0)],
        [(70.0, 71.0), (80.0, 90.0)],
        [(0.0, 2.0), (70.0, 71.0), (80.0, 90.0)],
        [(0.0, 30.0), (30.0, 60.9)],
        [(0.0, 61_000.5)],  # as milliseconds beyond the end too
    ],
)
def test_what_may_be_right(spans: Spans) -> None:
    check_times(keys(*spans), 60_000)


def test_nothing_is_stored(store: VoiceStore, tmp_path: Path) -> None:
    wav, encoder = write(tmp_path / "talk.wav", voice(110, 6)), CountingEncoder()
    with pytest.raises(TimesBeyondAudio, match="milliseconds"):
        fill(store, encoder, video="v", audio=wav, segments=[(0, 2500.5), (2600, 5180)])
    assert (store.encoders.list(), encoder.calls) == ([], [])
