"""Rows are due after some seconds of work; when they are stored changes no call of the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.store import SegmentKey

#: Half a minute of overlapping segments, four of them in one call on a CPU.
KEYS = [SegmentKey(1000 * start, 1000 * start + 3000) for start in range(10)]


class Slow(CountingEncoder):
    """Takes some seconds for each call, by a clock of its own."""

    def __init__(self, seconds: float, device: str = "cpu") -> None:
        super().__init__(batch_samples=300 * 16_000)
        self.device = device
        self.seconds, self.now = seconds, 0.0

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self.now += self.seconds
        return super().encode(waveforms)


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    voices = (voice(100 + 30 * n, 1, n) for n in range(13))
    return write(tmp_path_factory.mktemp("audio") / "talk.wav", *voices)


def _pass(wav: Path, encoder: Slow, keys: Sequence[SegmentKey] = KEYS) -> list[list[SegmentKey]]:
    with open_recording(wav) as recording:
        embedding = EmbeddingPass(encoder, recording, clock=lambda: encoder.now)
        return [[row.key for row in rows] for rows in embedding.rows(keys)]


@pytest.mark.parametrize(
    ("seconds", "due"),
    [
        (0.1, [KEYS]),
        (1.5, [KEYS[:8], KEYS[8:]]),
        (7.0, [KEYS[:4], KEYS[4:8], KEYS[8:]]),
    ],
)
def test_rows_are_due_after_some_seconds(
    wav: Path, seconds: float, due: list[list[SegmentKey]]
) -> None:
    encoder = Slow(seconds)
    assert _pass(wav, encoder) == due
    assert encoder.calls == [4, 4, 2]


def test_what_is_left_after_some_rows_takes_the_calls_that_were_left(wav: Path) -> None:
    encoder = Slow(7.0)
    _pass(wav, encoder, KEYS[4:])
    assert encoder.calls == [4, 2]


def test_an_accelerator_gets_a_batch_at_once(wav: Path) -> None:
    encoder = Slow(7.0, "somewhere:0")
    assert _pass(wav, encoder) == [KEYS]
    assert encoder.calls == [10]
