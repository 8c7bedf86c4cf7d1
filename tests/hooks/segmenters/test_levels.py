from __future__ import annotations

import numpy as np
import pytest

from pgvoice.hooks.segmenters.pyannote3.geometry import frames
from pgvoice.hooks.segmenters.pyannote3.levels import LOWEST, Levels, frame_levels
from pgvoice.hooks.segmenters.pyannote3.settings import Settings


@pytest.fixture
def levels() -> Levels:
    """Noise at -60 dB, and from 100 to 200 speech at -20 dB, whose last 10 frames are at -40 dB."""
    measured = np.full(400, -60, np.float32)
    measured[100:200], measured[190:200] = -20, -40
    levels = Levels(0, Settings())
    levels.push(measured)
    return levels


def nobody(frame: int) -> bool:
    return False


@pytest.mark.parametrize(
    "found", [(100, 200), (104, 190), (96, 205)], ids=["exact", "too short", "too long"]
)
def test_edges_move_to_where_speech_is_loud(levels: Levels, found: tuple[int, int]) -> None:
    assert levels.extended(*found, nobody) == (100, 200)


def test_edges_move_a_little_only(levels: Levels) -> None:
    reach, excess = frames(Settings().quieter_seconds), frames(Settings().silent_seconds)
    assert levels.extended(150, 160, nobody) == (150 - reach, 160 + reach)
    assert levels.extended(80, 220, nobody) == (80 + excess, 220 - excess)


def test_others_stop_an_edge(levels: Levels) -> None:
    assert levels.extended(110, 195, lambda frame: frame < 105 or frame >= 198) == (105, 198)


def test_old_levels_are_forgotten(levels: Levels) -> None:
    levels.push(np.full(100_000, -60, np.float32))
    levels.forget(100_000)
    assert levels.extended(100, 200, nobody) == (100, 200)
    assert len(levels._levels) < 20_000


def test_levels_are_in_decibels_of_full_scale() -> None:
    """The level of a frame is that of 25 ms around its middle, 495 samples after its start."""
    sound = np.zeros(16_000, np.float32)
    sound[8_000:] = 0.1
    measured = frame_levels(sound, 50)
    np.testing.assert_allclose(measured[:27], LOWEST)
    np.testing.assert_allclose(measured[30:], -20, atol=1e-3)
