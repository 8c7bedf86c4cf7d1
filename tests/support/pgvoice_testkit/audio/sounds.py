"""Sounds made for tests: distinct voices, written to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000


def voice(pitch: float, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """A buzz of this pitch in Hz with a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6))
    noise = np.random.default_rng(seed).normal(size=time.size)
    return (0.1 * buzz + 0.01 * noise).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def write(path: Path, *parts: NDArray[np.float32]) -> Path:
    """The parts one after the other, as a file of float samples."""
    soundfile.write(path, np.concatenate(parts), RATE, subtype="FLOAT")
    return path
