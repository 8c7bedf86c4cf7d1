"""Damaged audio and false headers: an `AudioError` or a result, in bounded time and memory.

``python tests/benchmarks/bad_audio.py 10000`` tries more.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from pgvoice_testkit.audio.bad_audio import hear
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import AudioError, fill
from pgvoice.store import UnknownVideo, VoiceStore

NUMBER = 200


def test_damaged_files(tmp_path: Path) -> None:
    heard = hear(0, NUMBER, tmp_path)
    assert heard.failures == []
    assert sum(heard.answers.values()) == NUMBER
    assert len(heard.answers) > 2
    assert heard.peak_bytes < 1 << 30


def _wav(channels: int, rate: int, length: int, promised: int | None = None) -> bytes:
    promised = length if promised is None else promised
    frame = channels * 2
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + promised, b"WAVE", b"fmt ", 16, 1, channels, rate,
        rate * frame & 0xFFFFFFFF, frame & 0xFFFF, 16, b"data", promised,
    ) + bytes(length)  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        _wav(0, 16_000, 3200),
        _wav(65_535, 16_000, 131_070 * 4),
        _wav(1, 0, 3200),
        _wav(1, 1, 3200),
        _wav(1, 10**9, 3200),
        _wav(1, 2**32 - 1, 3200),
        _wav(1, 16_000, 3200, 2 * 10**9),
    ],
    ids=["no channel", "65,535 channels", "0 Hz", "1 Hz", "10^9 Hz", "2^32 Hz", "10^9 samples"],
)
def test_a_header_that_lies_stores_nothing(store: VoiceStore, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "lie.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=r"lie\.wav"):
        fill(store, CountingEncoder(), video="v", audio=path, segments=[(0.0, 1.0)])
    with pytest.raises(UnknownVideo):
        store.answers.identify("v")
    assert store.encoders.list() == []
