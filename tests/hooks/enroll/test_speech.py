"""Windows of a recording, and which of them contain speech."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import RATE, silence, voice

from pgvoice.hooks.enroll.hearing import MAX_WINDOWS
from pgvoice.hooks.enroll.speech import Speech, frames, spread, windows
from pgvoice.store import SegmentKey


@pytest.mark.parametrize(
    ("span", "starts"),
    [
        ((0, 700), [0]),
        ((200, 3200), [200]),
        ((0, 3700), [0]),
        ((0, 3750), [0, 750]),
        ((1000, 7000), [1000, 2500, 4000]),
        ((0, 7100), [0, 1500, 3000, 4100]),
    ],
)
def test_windows(span: tuple[int, int], starts: list[int]) -> None:
    found = windows(SegmentKey(*span))
    assert [window.start_ms for window in found] == starts
    assert all(window.duration_ms == min(3000, span[1] - span[0]) for window in found)


def test_many_windows_are_thinned_evenly() -> None:
    found = windows(SegmentKey(0, 3_600_000))
    thinned = spread(found, MAX_WINDOWS)
    assert (len(found), len(thinned)) == (2399, 200)
    assert (thinned[0], thinned[-1]) == (found[0], found[-1])
    gaps = {b.start_ms - a.start_ms for a, b in itertools.pairwise(thinned)}
    assert gaps <= {18_000, 19_500}
    assert spread(found[:3], MAX_WINDOWS) == found[:3]


def test_frames_are_levels_of_a_tenth_of_a_second() -> None:
    loud, quiet = np.full(RATE // 10, 0.5, np.float32), np.full(RATE // 10 + 7, 0.1, np.float32)
    assert frames(np.concatenate([loud, quiet]), RATE) == pytest.approx([0.5, 0.1])
    assert frames(loud[:50], RATE) == pytest.approx([0.5])


def test_speech_is_what_comes_near_the_loud_parts() -> None:
    talk = np.concatenate([voice(110, 3), 0.02 * voice(110, 2.2), silence(0.8), voice(110, 3)])
    keys = [SegmentKey(start, start + 3000) for start in (0, 1500, 3000, 6000)]
    cut = {key: talk[key.start_ms * 16 : key.end_ms * 16] for key in keys}
    speech = Speech({key: frames(waveform, RATE) for key, waveform in cut.items()})
    assert speech.shares == {keys[0]: 1, keys[1]: 0.5, keys[3]: 1}
    assert speech.milliseconds == 6000


def test_nothing_heard_is_no_speech() -> None:
    assert (Speech({}).shares, Speech({}).milliseconds) == ({}, 0)
