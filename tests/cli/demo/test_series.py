"""``pgvoice demo --series``: for real, with the real encoder, in a store of its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result

from pgvoice.cli.checks.packages import missing_packages
from pgvoice.cli.demo.episodes import PARTS, RATE, make_episodes
from pgvoice.hooks import read_segments

Call = Callable[..., Result]
pytestmark = pytest.mark.skipif(bool(missing_packages("demo")), reason="needs pgvoice[demo]")


def test_people_recur_under_labels_that_mean_nothing() -> None:
    episodes = make_episodes()
    assert [each.name for each in episodes] == ["episode1", "episode2", "episode3", "episode4"]
    heard = Counter(person for each in episodes for person in each.people.values())
    assert heard.keys() == PARTS.keys()
    assert min(heard.values()) >= 2
    labels = {(each.people[label], label) for each in episodes for label in each.people}
    assert len(labels) > len(heard), "a label is not always the same person"
    for each in episodes:
        assert np.isfinite(each.waveform).all()
        assert 0.01 < np.abs(each.waveform).max() < 1
        assert each.turns[-1].end < each.waveform.size / RATE
        ends = [0.0, *(turn.end for turn in each.turns)]
        assert all(turn.start > end for turn, end in zip(each.turns, ends, strict=False))
    again = make_episodes()
    assert all(
        np.array_equal(one.waveform, other.waveform)
        for one, other in zip(episodes, again, strict=True)
    )


def test_the_episodes_can_be_saved(run: Call, tmp_path: Path) -> None:
    done = run("demo", "--series", "--save", tmp_path)
    assert (done.exit_code, done.stdout.count("pyannote.audio (MIT License)")) == (0, 8)
    for each in make_episodes():
        turns = read_segments(tmp_path / f"{each.name}.rttm")
        assert [(turn.start, turn.end, turn.label) for turn in turns] == [
            (turn.start, turn.end, turn.label) for turn in each.turns
        ]
        assert soundfile.info(tmp_path / f"{each.name}.wav").frames == each.waveform.size
    assert run("demo", "--series", "--save", tmp_path).exit_code == 1


def test_link_name_and_undo(run: Call, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_DATA", str(data_folder))
    monkeypatch.setenv("PGVOICE_DATABASE_URL", "postgresql://127.0.0.1:1/ignored")
    done = run("demo", "--series")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    shown = done.stdout
    assert "each person is one voice, by the reference" in shown
    assert "7 with the right name, 0 with a wrong one, 0 missed" in shown
    assert "all checksums are equal" in shown
    assert "pgvoice demo --series --remove" in shown
    again = json.loads(run("demo", "--series", "--json").stdout)
    assert (again["undone_exactly"], again["turns"]) == (True, {"right": 7, "rightly_unnamed": 5})
    commands = [step["command"] for step in again["steps"]]
    assert [line[2:] for line in shown.splitlines() if line.startswith("$ ")] == commands
    listed = [step["output"] for step in again["steps"] if step["command"] == "pgvoice voices"]
    assert listed[0] == listed[1]
    assert run("demo", "--series", "--remove").exit_code == 0
    assert not (data_folder / "demo-series").exists()
