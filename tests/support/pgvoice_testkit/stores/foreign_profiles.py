"""Profiles of made-up people in the original pipeline's format."""

from __future__ import annotations

from typing import Any

import numpy as np

DIMENSION = 16


def one_voice(seed: int, number: int = 5, dimension: int = DIMENSION) -> list[list[float]]:
    """Embeddings of one made-up person, not of unit length."""
    noise = np.random.default_rng(seed)
    direction = noise.normal(size=dimension)
    found = 3 * (direction + 0.1 * noise.normal(size=(number, dimension)))
    return [[float(x) for x in row] for row in found]


def original_profile(**changed: object) -> dict[str, Any]:
    """The original pipeline's profile, with changes; None leaves a key out."""
    profile = {
        "name": "Ada",
        "centroid": [float(x) for x in np.mean(np.array(one_voice(1)), axis=0)],
        "embeddings": one_voice(1),
        "threshold": 0.62,
        "created_at": "2025-11-02T10:00:00",
        "audio_sources": [f"ada{n}.wav" for n in range(5)],
        "metadata": {"model": "someone/counting-voxceleb", "total_duration_seconds": 61.5},
    } | changed
    return {key: value for key, value in profile.items() if value is not None}
