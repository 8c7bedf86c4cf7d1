"""Vectors from a file: finite numbers, as many as the encoder has dimensions, not all zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.errors import ProfileRefused
from pgvoice.store.recordings.segment_rows import Embedding

Vector = NDArray[np.float64]


def vector(found: object, what: str, dimension: int) -> Vector:
    """The numbers of a JSON list, not scaled; raises `ProfileRefused` if they are not a vector."""
    if not isinstance(found, list) or not all(_is_number(number) for number in found):
        raise ProfileRefused(f"{what} is not a list of numbers")
    if len(found) != dimension:
        raise ProfileRefused(
            f"{what} has {len(found)} numbers, but the encoder's vectors have {dimension}: another"
            " model made it"
        )
    numbers = np.array(found, np.float64)
    if not np.isfinite(numbers).all():
        raise ProfileRefused(f"{what} contains NaN or infinite numbers")
    if not np.linalg.norm(numbers) > 1e-6:
        raise ProfileRefused(f"{what} is zero, so it is not a voice")
    return numbers


def unit(numbers: Vector) -> Embedding:
    """Divided by its length."""
    return (numbers / np.linalg.norm(numbers)).astype(np.float32)


def _is_number(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)
