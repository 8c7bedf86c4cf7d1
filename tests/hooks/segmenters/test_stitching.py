from __future__ import annotations

import numpy as np
import pytest

from pgvoice.hooks.segmenters.pyannote3.geometry import POWERSET, WINDOW_FRAMES
from pgvoice.hooks.segmenters.pyannote3.settings import Settings
from pgvoice.hooks.segmenters.pyannote3.speech import SpeechGate, runs
from pgvoice.hooks.segmenters.pyannote3.stitching import Floats, Frames, Stitcher

STEP = Settings().step_frames


def window(truth: np.ndarray, start: int, names: tuple[int, ...]) -> Floats:
    """Probabilities of the classes for who speaks in each frame, if people have these columns."""
    found = np.zeros((WINDOW_FRAMES, len(POWERSET)), np.float32)
    for frame, speaking in enumerate(truth[start : start + WINDOW_FRAMES]):
        members = tuple(sorted(names[who] for who in np.flatnonzero(speaking)))
        found[frame, POWERSET.index(members)] = 1
    return found


@pytest.fixture
def truth() -> np.ndarray:
    """Three people; the second interrupts the first, and the third comes after a pause."""
    speaking = np.zeros((WINDOW_FRAMES + 9 * STEP, 3), np.bool_)
    speaking[100:700, 0], speaking[650:885, 1], speaking[1000:1500, 2] = True, True, True
    return speaking


def test_tracks_follow_people_whatever_their_columns(truth: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    stitcher, found = Stitcher(Settings()), list[Frames]()
    for place in range(10):
        names = tuple(rng.permutation(3).tolist())
        found.append(stitcher.push(window(truth, place * STEP, names)))
    found.append(stitcher.end())
    activity = np.zeros((STEP + len(truth), 3), np.float32)
    start = 0
    for each in found:
        activity[start : start + len(each.speech), list(each.tracks)] = each.activity
        start += len(each.speech)
    np.testing.assert_allclose(activity[STEP:], truth, atol=1e-6)
    speech = np.concatenate([each.speech for each in found])[STEP:]
    overlap = np.concatenate([each.overlap for each in found])[STEP:]
    np.testing.assert_allclose(speech, truth.any(axis=1), atol=1e-6)
    np.testing.assert_allclose(overlap, truth.sum(axis=1) > 1, atol=1e-6)


def frames(speech: list[float]) -> Frames:
    values = np.array(speech, np.float32)
    return Frames(values, np.zeros_like(values), np.ones((len(values), 1), np.float32), (0,))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_speech_is_where_it_is_certain_somewhere(size: int) -> None:
    """In whatever pieces the frames come."""
    speech = [0.1, 0.45, 0.45, 0.1, 0.45, 0.9, 0.45, 0.41, 0.1, 0.6, 0.2, 0.45]
    gate = SpeechGate(Settings(onset=0.5, offset=0.4))
    pieces = [speech[place : place + size] for place in range(0, len(speech), size)]
    decided = [each for piece in pieces for each in gate.push(frames(piece))]
    speaking = np.concatenate([each.speaking[:, 0] for each in (*decided, *gate.end())])
    assert runs(speaking) == [(4, 8), (9, 10)]


def test_uncertain_frames_do_not_wait_for_ever() -> None:
    gate = SpeechGate(Settings(onset=0.5, offset=0.4, patience_seconds=1))
    held = most = 0
    for _ in range(50):
        held += 10
        held -= sum(len(each.speech) for each in gate.push(frames([0.45] * 10)))
        most = max(most, held)
    assert most < 70
