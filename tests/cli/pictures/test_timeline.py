"""The timeline's lanes and strips, and files of every kind with names of every script."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from pgvoice.cli.pictures import timeline
from pgvoice.cli.pictures.timeline import UNNAMED, Bar
from pgvoice.store import Suggestion

NAMES = ["Ada", "王小明", "محمد", "$x_{1}$ & <b>", "B" * 300, "bell\a\ud800", "ना"]


def _bars(names: list[str], count: int, hours: float) -> list[Bar]:
    rng = np.random.default_rng(1)
    starts = np.sort(rng.uniform(0, hours * 3600, count))
    people = [*names, None]
    return [
        Bar(float(start), float(start) + 3, people[number % len(people)], float(rng.uniform(0, 1)))
        for number, start in enumerate(starts)
    ]


def test_lanes_by_speaking_time_and_the_unnamed_last() -> None:
    bars = [
        Bar(0, 1, "Bob", 0.5),
        Bar(1, 5, "Ada", 0.6),
        Bar(5, 9, None, 0.2),
        Bar(9, 9.2, None, None),
    ]
    assert timeline.lanes(bars) == (["Ada", "Bob", UNNAMED], [1, 0, 2, 2])
    assert timeline.lanes(bars[:2]) == (["Ada", "Bob"], [1, 0])
    assert timeline.lanes([]) == ([], [])


def test_suggestions_are_below_the_speakers_with_their_rivals() -> None:
    def suggested(start: int, name: str, rival: str | None) -> Bar:
        return Bar(start, start + 3, None, 0.35, Suggestion(name, 0.35, rival, None))

    bars = [
        Bar(0, 1, "Ada", 0.5),
        suggested(1, "Alexandra Montgomery", "Bartholomew Fitzgerald"),
        suggested(4, "Ada", None),
        suggested(7, "Ada", None),
        Bar(11, 12, None, 0.1),
    ]
    assert timeline.lanes(bars) == (
        ["Ada", "(Ada?)", "(Alexandra Mon… or Bartholomew F…?)", UNNAMED],
        [0, 2, 1, 1, 3],
    )
    speakers = [Bar(n, n + 1, f"speaker {n}", 0.5) for n in range(timeline.MAX_LANES)]
    assert timeline.lanes([*speakers, *bars[1:2]])[0][-1] == UNNAMED, "if there is no room"


def test_more_speakers_than_there_is_room_for_share_a_lane() -> None:
    names, where = timeline.lanes([Bar(n, n + 1, f"speaker {n}", 0.5) for n in range(60)])
    assert (len(names), names[-1]) == (timeline.MAX_LANES, "(21 others)")
    assert where.count(timeline.MAX_LANES - 1) == 21


def test_long_recordings_go_over_several_strips() -> None:
    assert timeline.strips(600, 5) == 1
    assert timeline.strips(3 * 3600, 8) == 6
    assert timeline.strips(3 * 3600, 41) == 1
    assert timeline.strips(3 * 3600, 0) == 6


def test_marks_of_the_clock_are_round_and_few() -> None:
    assert [timeline.step(seconds) for seconds in (8, 30, 1800, 36_000)] == [1, 5, 300, 3600]
    assert [timeline.clock(seconds) for seconds in (0, 65.5, 3661)] == [
        "0:00:00",
        "0:01:05.5",
        "1:01:01",
    ]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_any_script_and_any_length_is_drawn(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        timeline.draw(_bars(NAMES, 2000, 3), path, "Who speaks in <talk> & $1$ 王", 0.4)
    assert path.stat().st_size > 10_000


def test_a_page_holds_all_of_it_and_names_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "talk.html"
    timeline.draw(_bars(NAMES, 50, 0.1), path, "Who speaks in <talk>", 0.4)
    page = path.read_text()
    assert page.startswith("<!doctype html>")
    assert "<title>Who speaks in &lt;talk&gt;</title>" in page
    assert "王小明" in page
    assert "<b>" not in page
    assert not {"<script", "<img", "<link", "@import", "src="} & set(page.split())
    svg = tmp_path / "talk.svg"
    timeline.draw(_bars(NAMES, 50, 0.1), svg, "talk", 0.4)
    assert ET.parse(svg).getroot().tag.endswith("svg")


def test_the_thresholds_are_on_the_scale(tmp_path: Path) -> None:
    bars = [Bar(0, 3, "Ada", 0.7), Bar(3, 6, None, 0.1)]
    told: list[tuple[tuple[float, ...], str | None]] = [
        ((), None),
        ((0.4,), "red: threshold<"),
        ((0.4, 0.5), "red: thresholds<"),
    ]
    for thresholds, said in told:
        timeline.draw(bars, tmp_path / "talk.svg", "talk", *thresholds)
        drawn = (tmp_path / "talk.svg").read_text()
        assert said in drawn if said else "red:" not in drawn
        assert timeline.EDGES[1] in drawn, "what nobody is named for has an edge of its own"


def test_the_same_answers_are_the_same_file(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        timeline.draw(_bars(NAMES, 20, 0.1), tmp_path / name, "talk")
    assert (tmp_path / "one.svg").read_text() == (tmp_path / "two.svg").read_text()


@pytest.mark.parametrize(
    "bars", [[], [Bar(1, 2, None, None)], [Bar(7200, 7201, "Ada", 1.0)], [Bar(0, 1, "Ada", -0.3)]]
)
def test_next_to_nothing_is_drawn_too(tmp_path: Path, bars: list[Bar]) -> None:
    timeline.draw(bars, tmp_path / "little.png", "little", 0.4)
    assert (tmp_path / "little.png").read_bytes()[:4] == b"\x89PNG"
