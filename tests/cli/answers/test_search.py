"""``pgvoice search``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

pytestmark = pytest.mark.usefixtures("encoder")


def test_where_somebody_speaks(filled: Callable[..., Result]) -> None:
    lines = filled("search", "Ada").stdout.splitlines()
    assert lines[0].split() == ["video", "start", "end", "similarity", "runner-up", "margin"]
    assert lines[1].split()[:4] == ["talk", "0:00:00.0", "0:00:02.0", "1.000"]
    assert lines[-3:] == [
        "2 segments of Ada",
        "encoder counting@sha256:fake",
        "threshold 0.900 (uncalibrated; made up)",
    ]


def test_json_and_limit(filled: Callable[..., Result]) -> None:
    document = json.loads(filled("search", "Ada", "--limit", "1", "--json").stdout)
    assert (document["speaker"], document["threshold"]) == ("Ada", 0.9)
    (segment,) = document["segments"]
    assert set(segment) == {
        "video", "start", "end", "similarity", "runner_up", "runner_up_similarity", "margin"
    }  # fmt: skip


def test_in_time_order(filled: Callable[..., Result]) -> None:
    document = json.loads(filled("search", "Ada", "--order", "time", "--json").stdout)
    starts = [segment["start"] for segment in document["segments"]]
    assert starts == sorted(starts)
    assert filled("search", "Ada", "--order", "length").exit_code == 2


def test_nothing_found_is_an_answer(filled: Callable[..., Result]) -> None:
    result = filled("search", "Ada", "--margin", "2")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == "0 segments of Ada"
    assert json.loads(filled("search", "Ada", "--margin", "2", "--json").stdout)["segments"] == []


def test_an_unknown_speaker(filled: Callable[..., Result]) -> None:
    result = filled("search", "Eve")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no speaker 'Eve'" in result.stderr
