"""Vectors without a store: the same as with one, in the order of the segments."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import AudioNotFound, extract_embeddings_batch, fill
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.store import SegmentKey, VoiceStore


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 4), silence(2), voice(330, 4, seed=1))


def test_order_and_length_of_the_question(talk: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder = CountingEncoder()
    segments = [
        (6.0, 9.0),
        (0.0, 2.0),
        (4.0, 6.0),
        (3.0, 1.0),
        (math.nan, 1.0),
        (0.0, 0.1),
        (0.04, 2.01),
    ]
    with caplog.at_level(logging.WARNING):
        found = extract_embeddings_batch(talk, segments, encoder=encoder)
    assert [vector is None for vector in found] == [False, False, True, True, True, True, False]
    assert found[1] is found[6]
    assert found[0] is not None
    assert found[0].shape == (16,)
    assert np.linalg.norm(found[0]) == pytest.approx(1)
    for reason in ("silent", "ends before it starts", "nan", "too_short"):
        assert reason in caplog.text


def test_the_vectors_are_those_of_the_store(store: VoiceStore, talk: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="v", audio=talk, segments=[(0.12, 2.08)])
    (vector,) = extract_embeddings_batch(talk, [(0.12, 2.08)], encoder=encoder)
    row = store.recordings.read("v", encoder.identity, [SegmentKey(100, 2100)])[
        SegmentKey(100, 2100)
    ]
    assert row.embedding is not None
    assert vector is not None
    assert row.embedding.tobytes() == vector.tobytes()


def test_a_longer_segment_is_its_beginning(talk: Path) -> None:
    longer, beginning = extract_embeddings_batch(
        talk, [(0, 4), (0, 1.5)], 1.5, encoder=CountingEncoder()
    )
    assert longer is not None
    assert beginning is not None
    assert longer.tobytes() == beginning.tobytes()


def test_one_pass_for_all(talk: Path) -> None:
    encoder = CountingEncoder()
    extract_embeddings_batch(talk, [(n / 10, n / 10 + 1) for n in range(30)], encoder=encoder)
    assert sum(encoder.calls) == 30
    assert len(encoder.calls) < 5


def test_nothing_asked(tmp_path: Path) -> None:
    assert extract_embeddings_batch(tmp_path / "none.wav", []) == []
    assert extract_embeddings_batch(tmp_path / "none.wav", [(2, 1)]) == [None]


def test_errors_are_errors(talk: Path, tmp_path: Path) -> None:
    class Exhausted(CountingEncoder):
        def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
            raise MemoryError

    with pytest.raises(AudioNotFound):
        extract_embeddings_batch(tmp_path / "none.wav", [(0, 1)], encoder=CountingEncoder())
    with pytest.raises(MemoryError):
        extract_embeddings_batch(talk, [(0, 1)], encoder=Exhausted())
