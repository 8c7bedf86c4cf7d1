"""``pgvoice search`` and ``pgvoice similar``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from click.testing import Result

pytestmark = pytest.mark.usefixtures("encoder")


def test_where_somebody_speaks(filled: Callable[..., Result]) -> None:
    lines = filled("search", "Ada").stdout.splitlines()
    assert lines[0].split() == ["video", "start", "end", "similarity", "runner-up", "margin"]
    assert lines[1].split()[:4] == ["talk", "0:00:00.0", "0:00:02.0", "1.000"]
    assert lines[-3:-1] == ["2 segments of Ada", "encoder counting@sha256:fake"]
    assert re.fullmatch(r"threshold 0\.9\d\d for 2 people \(encoder default\)", lines[-1])


def test_json_and_limit(filled: Callable[..., Result]) -> None:
    document = json.loads(filled("search", "Ada", "--limit", "1", "--json").stdout)
    assert (document["speaker"], document["kind"]) == ("Ada", "encoder default")
    (segment,) = document["segments"]
    assert set(segment) == {
        "video", "start", "end", "similarity", "runner_up", "runner_up_similarity", "margin",
        "encoder"
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


def test_what_sounds_alike(filled: Callable[..., Result]) -> None:
    lines = filled("similar", "talk", "--span", "0-2").stdout.splitlines()
    assert lines[0].split() == ["video", "start", "end", "similarity"]
    assert lines[1].split() == ["talk", "0:00:08.0", "0:00:10.0", "1.000"]
    assert lines[-1] == "2 segments"


def test_json_and_filters(filled: Callable[..., Result]) -> None:
    arguments = ("similar", "talk", "--span", "0:00-0:02", "--json")
    document = json.loads(filled(*arguments, "--limit", 1).stdout)
    assert document["video"] == "talk"
    (segment,) = document["segments"]
    assert set(segment) == {"video", "start", "end", "similarity", "encoder"}
    assert document["encoder"] == segment["encoder"] == "counting@sha256:fake"
    for filtered, starts in (
        (("--video", "talk", "--exact"), [8, 4]),
        (("--not-speaker", "Ada"), [4]),
        (("--not-speaker", "Ada", "--not-speaker", "Bob"), []),
        (("--since", "2020-01-31"), [8, 4]),
        (("--since", "2120-01-31T00:00:00"), []),
        (("--min-seconds", "2.5"), []),
        (("--other-videos",), []),
    ):
        found = json.loads(filled(*arguments, *filtered).stdout)["segments"]
        assert [one["start"] for one in found] == starts


def test_nothing_similar_is_an_answer(filled: Callable[..., Result]) -> None:
    result = filled("similar", "talk", "--span", "0-2", "--min-seconds", 9)
    assert (result.exit_code, result.stdout) == (0, "\n0 segments\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("talk", "--span", "20-21"), 1, "(20.0, 21.0) is missing"),
        (("talk", "--span", "10-10.2"), 1, "is too_short"),
        (("none", "--span", "0-2"), 1, "no video 'none'"),
        (("talk", "--span", "0-2", "--video", "none"), 1, "no video 'none'"),
        (("talk", "--span", "0-2", "--not-speaker", "Eve"), 1, "no speaker 'Eve'"),
        (("talk", "--span", "3-2"), 2, "3-2"),
        (("talk", "--span", "soon"), 2, "soon"),
        (("talk",), 2, "--span"),
    ],
)
def test_errors(
    filled: Callable[..., Result], arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = filled("similar", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
