"""Tests that every encoder must pass; authors of plugins inherit them.

    class TestMine(EncoderConformance):
        def make_encoder(self) -> Encoder:
            return MyEncoder()

Pytest collects such a class like any other.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import pytest

from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform

#: Lengths of the test waveforms.
SECONDS = (0.7, 3.1, 1.0, 2.4, 1.0)


class EncoderConformance(ABC):
    """The promises of `pgvoice.hooks.Encoder`; every test calls `make_encoder`."""

    #: The largest distance between two vectors of length 1 that count as equal.
    tolerance = 1e-4

    @abstractmethod
    def make_encoder(self) -> Encoder:
        """A new encoder, as the plugin's factory creates it: without its weights."""

    @pytest.fixture
    def encoder(self) -> Encoder:
        return self.make_encoder()

    @pytest.fixture
    def waveforms(self, encoder: Encoder) -> list[Waveform]:
        return self.make_waveforms(encoder)

    def make_waveforms(self, encoder: Encoder) -> list[Waveform]:
        """Synthetic voices of several lengths and pitches."""
        rate, shortest = encoder.identity.sample_rate, encoder.min_samples
        lengths = [max(shortest, round(rate * seconds)) for seconds in SECONDS]
        return [voice(length, rate, 90 + 45 * place) for place, length in enumerate(lengths)]

    def test_identity_and_settings_need_no_weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A fill with nothing missing needs neither torch nor `load`."""
        with monkeypatch.context() as without_torch:
            without_torch.setitem(sys.modules, "torch", None)
            encoder = self.make_encoder()
            without_torch.setattr(type(encoder), "load", _refuse)
            without_torch.setattr(type(encoder), "encode", _refuse)
            identity, threshold = encoder.identity, encoder.default_threshold
            shortest = encoder.min_samples
        assert identity == self.make_encoder().identity
        assert identity.name, "the identity needs a name"
        assert identity.revision, "the identity needs a revision: a hash of the weights"
        assert identity.dimension > 0
        assert -1 <= threshold.similarity <= 1
        assert threshold.source, "the threshold needs a source"
        assert 0 < shortest <= identity.sample_rate, "a waveform of a second must be long enough"

    def test_it_is_an_encoder(self, encoder: Encoder) -> None:
        assert isinstance(encoder, Encoder)
        assert encoder.device
        assert encoder.batch_samples >= encoder.min_samples
        encoder.load()
        encoder.load()

    def test_sample_rate(self, encoder: Encoder) -> None:
        """`encode` gets audio at this rate."""
        assert isinstance(encoder.identity.sample_rate, int)
        assert 8_000 <= encoder.identity.sample_rate <= 48_000

    def test_shape_and_dtype(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        rows = encoder.encode(waveforms)
        assert rows.shape == (len(waveforms), encoder.identity.dimension)
        assert rows.dtype == np.float32
        assert encoder.encode([]).shape == (0, encoder.identity.dimension)

    def test_unit_length(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        lengths = np.linalg.norm(encoder.encode(waveforms).astype(np.float64), axis=1)
        assert np.abs(lengths - 1).max() < 1e-5, f"rows of the lengths {lengths}"

    def test_a_row_depends_on_its_own_waveform_alone(
        self, encoder: Encoder, waveforms: list[Waveform]
    ) -> None:
        """Padding a batch fails here: it changes the vectors of short waveforms."""
        alone = np.concatenate([encoder.encode([waveform]) for waveform in waveforms])
        self._same(encoder.encode(waveforms), alone, "in a batch")

    def test_order(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        forwards = encoder.encode(waveforms)
        self._same(encoder.encode(waveforms[::-1])[::-1], forwards, "in another order")

    def test_the_same_again(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        first = encoder.encode(waveforms)
        self._same(encoder.encode(waveforms), first, "a second time")
        self._same(self.make_encoder().encode(waveforms), first, "with a new encoder")

    def test_different_sounds_differ(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        rows = encoder.encode(waveforms)
        products = rows @ rows.T - 2 * np.eye(len(rows), dtype=np.float32)
        assert products.max() < 1 - 1e-5, "two waveforms have the same vector"

    def test_waveforms_stay_as_they_are(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        before = [waveform.copy() for waveform in waveforms]
        encoder.encode(waveforms)
        for waveform, copy in zip(waveforms, before, strict=True):
            assert np.array_equal(waveform, copy), "encode changed its input"

    def test_the_shortest(self, encoder: Encoder, waveforms: list[Waveform]) -> None:
        """`min_samples` are enough; one less raises `ValueError`, also in a batch."""
        shortest = waveforms[0][: encoder.min_samples]
        assert np.isfinite(encoder.encode([shortest])).all()
        with pytest.raises(ValueError, match=r"."):
            encoder.encode([waveforms[1], shortest[:-1]])

    def _same(self, rows: Embeddings, others: Embeddings, when: str) -> None:
        distance = np.linalg.norm(rows - others, axis=1).max()
        assert distance <= self.tolerance, f"{when}, a vector moves by {distance:.2g}"


def voice(samples: int, sample_rate: int, pitch: float) -> Waveform:
    """A buzz with a voice's overtones and a little noise, in [-1, 1]."""
    time = np.arange(samples) / sample_rate
    overtones = [np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 12)]
    noise = np.random.default_rng(round(pitch)).normal(0, 0.02, samples)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * time)
    sound: Waveform = (0.2 * swell * np.sum(overtones, axis=0) + noise).astype(np.float32)
    return sound


def _refuse(self: object, waveforms: Sequence[Waveform] = ()) -> Embeddings:
    raise AssertionError(f"{type(self).__name__} loads its model for its identity")
