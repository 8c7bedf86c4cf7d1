"""The panels of scores: what they say, and that few or no scores are no error."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from pgvoice.cli.pictures import scores
from pgvoice.cli.pictures.scores import Rule
from pgvoice.store.thresholds.measures import Searches


def _searches(inside: list[float], outside: list[float]) -> Searches:
    count = len(inside) + len(outside)
    return Searches(
        np.array([*inside, *outside], np.float64),
        np.full(count, np.inf),
        np.repeat([True, False], [len(inside), len(outside)]),
        np.repeat([True, False], [len(inside), len(outside)]),
        np.arange(count),
        np.full(count, 1000),
    )


def _drawn(path: Path, same: list[float], different: list[float], marks: dict[str, float]) -> str:
    similarity = np.array([*same, *different], np.float64)
    right = np.repeat([True, False], [len(same), len(different)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        searches = _searches(same, different)
        told, threshold = next(iter(marks.items()))
        rule = Rule(np.full(len(searches), threshold), 0, told)
        scores.draw(similarity, right, searches, marks, rule, path, "Evaluation")
    return path.read_text()


def test_the_figures_are_in_the_picture(tmp_path: Path) -> None:
    same, different = [0.3, 0.6, 0.7, 0.9], [0.0, 0.1, 0.2, 0.5]
    drawn = _drawn(tmp_path / "a.svg", same, different, {"threshold 0.400": 0.4})
    assert "right person (4)" in drawn
    assert "other people (4)" in drawn
    assert "EER 25 %" in drawn
    assert "threshold 0.400: DIR 75 %, FAR 25 %" in drawn
    for label in (
        "cosine similarity",
        "false alarms: other people accepted (%)",
        "FAR: speech of people outside the gallery named (%)",
    ):
        assert label in drawn


@pytest.mark.parametrize(
    ("same", "different", "said"),
    [
        ([], [], "no comparisons"),
        ([0.5], [], "needs segments of people in the gallery"),
        ([], [0.5], "needs comparisons with the right person"),
        ([0.5], [0.5], "EER"),
        ([0.9], [0.1], "no errors (EER 0 %):"),
        ([0.1], [0.9], "EER 100 %"),
    ],
)
def test_few_scores_are_no_error(
    tmp_path: Path, same: list[float], different: list[float], said: str
) -> None:
    assert said in _drawn(tmp_path / "few.svg", same, different, {"threshold": 0.4})


def test_many_scores_and_a_threshold_for_each_length(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    same, different = rng.normal(0.7, 0.1, 2000), rng.normal(0.1, 0.1, 20_000)
    marks = {f"threshold for band {band}": 0.3 + 0.02 * band for band in range(7)}
    drawn = _drawn(tmp_path / "many.svg", list(same), list(different), marks)
    assert "threshold for band 6" in drawn
