"""Encoders that hear who speaks by a tone: they agree on people, and share no geometry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

#: Samples per second: enough for the tones, so that files are small and read quickly.
RATE = 1000
#: Everybody's tone in Hz; all are heard apart from 0.6 s on.
TONES = tuple(range(20, 490, 10))
#: Samples of the longest waveform.
_LONGEST = 20 * RATE


def tone(person: int, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Somebody's speech; the noise in it makes each piece sound a little different."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(size=time.size)
    said = 0.2 * np.sin(2 * np.pi * TONES[person] * time + seed) + 0.02 * noise
    return said.astype(np.float32)


class ToneEncoder:
    """Each person's tone has a direction, which the name of the encoder decides.

    The shorter a waveform, the further its vector is from its speaker's direction: half of its
    square is noise at `unsure` seconds. The noise follows from the samples and the name.
    """

    device = "cpu"

    def __init__(
        self, name: str, *, dimension: int = 64, unsure: float = 1.0, batch_samples: int = 100_000
    ) -> None:
        self.identity = EncoderIdentity(name, f"sha256:{name * 4:.16}", "1", dimension, RATE)
        self.default_threshold = Threshold(0.45, "made up")
        self.min_samples = RATE // 10
        self.batch_samples = batch_samples
        self._unsure = unsure
        #: The number of waveforms in each call.
        self.calls: list[int] = []
        self.loads = 0

    def load(self) -> None:
        self.loads += 1

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self.calls.append(len(waveforms))
        rows = [self._embed(waveform) for waveform in waveforms]
        return np.array(rows, np.float32).reshape(-1, self.identity.dimension)

    def _embed(self, waveform: Waveform) -> Embeddings:
        samples = waveform[:_LONGEST]
        loud = np.abs(_waves()[:, : samples.size] @ samples)
        heard = _unit(loud**2 @ _directions(self.identity.name, self.identity.dimension))
        digest = hashlib.sha256(self.identity.name.encode() + samples.tobytes()).digest()
        noise = _unit(np.random.default_rng(list(digest[:8])).normal(size=heard.size))
        seconds = samples.size / RATE
        return _unit(np.sqrt(seconds) * heard + np.sqrt(self._unsure) * noise).astype(np.float32)


@cache
def _waves() -> NDArray[np.complex64]:
    time = np.arange(_LONGEST) / RATE
    return np.asarray(np.exp(-2j * np.pi * np.outer(TONES, time)), np.complex64)


@cache
def _directions(name: str, dimension: int) -> NDArray[np.float64]:
    """A direction for each tone, a little alike, as all human voices are."""
    seed = list(hashlib.sha256(name.encode()).digest()[:8])
    chance = np.random.default_rng(seed)
    own, common = chance.normal(size=(len(TONES), dimension)), chance.normal(size=dimension)
    drawn = own + 0.35 * common
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))
