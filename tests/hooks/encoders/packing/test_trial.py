"""What is chosen by a clock that the tests wind, and one real trial."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing import trial
from pgvoice.hooks.encoders.packing.accelerators import CPU_FRAMES
from pgvoice.hooks.encoders.packing.trial import FRAMES, RUNS, SECONDS, TRIAL_VARIABLE, choose


class Clock:
    """Time passes only while something runs."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.now, self.ran = 0.0, list[str]()
        self._seconds = seconds

    def __call__(self) -> float:
        return self.now

    def run(self, way: str) -> None:
        self.ran.append(way)
        self.now += self._seconds[way]


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"default": 0.05}, "default"),
        ({"default": 0.05, "faster": 0.04, "slower": 0.06}, "faster"),
        ({"default": 0.05, "slower": 0.06, "fastest": 0.03, "faster": 0.04}, "fastest"),
        ({"default": 0.05, "hardly": 0.0485}, "default"),
        ({"default": 0.05, "slower": 0.07}, "default"),
        ({"default": 0.3 * SECONDS, "faster": 0.2 * SECONDS}, "default"),
    ],
    ids=["alone", "one", "best of all", "not clearly", "none", "too slow to tell"],
)
def test_another_than_the_default_must_be_clearly_faster(
    seconds: dict[str, float], chosen: str
) -> None:
    clock = Clock(seconds)
    assert choose(list(seconds), clock.run, clock) == chosen


def test_only_the_default_and_its_best_rival_run_again() -> None:
    clock = Clock({"default": 0.05, "slower": 0.07, "faster": 0.04})
    choose(["default", "slower", "faster"], clock.run, clock)
    assert clock.ran == ["default", "slower", "faster", *["default", "faster"] * RUNS]


def test_no_run_starts_when_the_time_is_over() -> None:
    clock = Clock({"default": 0.7 * SECONDS, "other": 0.4 * SECONDS, "third": 0.1})
    assert choose(["default", "other", "third"], clock.run, clock) == "default"
    assert clock.ran == ["default", "other"]


def test_one_disturbed_run_does_not_decide() -> None:
    """The rival is disturbed once, the default once: each one's best run counts."""
    delays = iter([0.0, 0.0, 0.3, 0.2])

    class Disturbed(Clock):
        def run(self, way: str) -> None:
            super().run(way)
            self.now += next(delays, 0.0)

    clock = Disturbed({"default": 0.05, "hardly": 0.049})
    assert choose(["default", "hardly"], clock.run, clock) == "default"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, with the trial allowed."""
    monkeypatch.setattr(trial, "usual_folder", lambda: tmp_path)
    monkeypatch.delenv(TRIAL_VARIABLE, raising=False)
    return tmp_path


def test_a_real_trial_is_remembered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, segments: list[Waveform]
) -> None:
    first = CampplusEncoder("cpu")
    rows = first.encode(segments[:4])
    [path] = folder.glob("*.json")
    found = json.loads(path.read_text())["found"]
    assert found["frames"] in (CPU_FRAMES, *FRAMES)
    assert first.chosen == (
        f"kernels {found['kernels']}, tapes of {found['frames']} frames; delete {path} to try again"
    )

    monkeypatch.setattr(trial, "choose", lambda *_: pytest.fail("tried twice"))
    second = CampplusEncoder("cpu")
    np.testing.assert_array_equal(second.encode(segments[:4]), rows)
    assert second.chosen == first.chosen


@pytest.mark.parametrize("content", ['{"found": {"kernels": "none", "frames": 1200}}', "{"])
def test_a_choice_that_does_not_fit_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    def shortest(ways: list[trial.Way], _run: Callable[[trial.Way], object]) -> trial.Way:
        return min(ways, key=lambda way: way.frames)

    monkeypatch.setattr(trial, "choose", shortest)
    CampplusEncoder("cpu").load()
    [path] = folder.glob("*.json")
    good = path.read_text()
    path.write_text(content)
    encoder = CampplusEncoder("cpu")
    encoder.load()
    assert path.read_text() == good
    assert f"tapes of {min(FRAMES)} frames" in encoder.chosen


def test_it_can_be_forbidden(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRIAL_VARIABLE, "0")
    encoder = CampplusEncoder("cpu")
    encoder.load()
    assert encoder.chosen == ""
    assert not [*folder.iterdir()]


def test_without_a_place_to_keep_it_the_default_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setattr(trial, "usual_folder", lambda: folder / "file")
    monkeypatch.setattr(trial, "choose", lambda *_: pytest.fail("tried"))
    encoder = CampplusEncoder("cpu")
    encoder.load()
    assert encoder.chosen == f"not tried for speed, as nothing can be kept in {folder / 'file'}"
