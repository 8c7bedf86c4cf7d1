"""RTTM, against pyannote.database on real files."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyannote.database.util import load_rttm

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.hooks.formats.rttm import read_rttm
from pgvoice.store.turns import Turn

SPEECH = Path(__file__).parents[4] / "shared" / "speech"
LINE = "SPEAKER talk 1 {} {} <NA> <NA> {} <NA> <NA>"

needs_speech = pytest.mark.skipif(not SPEECH.is_dir(), reason="needs RTTMs in ../shared/speech")


@needs_speech
def test_real_files_as_pyannote_reads_them() -> None:
    paths = sorted(SPEECH.rglob("*.rttm"))
    assert paths
    for path in paths:
        (annotation,) = load_rttm(str(path)).values()  # type: ignore[no-untyped-call]
        theirs = [
            (round(segment.start, 3), round(segment.end, 3), label)
            for segment, _, label in annotation.itertracks(yield_label=True)
        ]
        ours = [(each.start, each.end, each.label) for each in read_segments(path)]
        assert sorted(ours) == sorted(theirs)


def test_the_end_is_exact() -> None:
    assert 49.053 + 6.601 != 55.654
    assert read_rttm(LINE.format("49.053", "6.601", "2414")) == [Turn(49.053, 55.654, "2414")]
    assert read_rttm(LINE.format("1.030", "3.212", "2414")) == [Turn(1.03, 4.242, "2414")]


@given(st.integers(0, 10**8), st.integers(0, 10**6))
def test_the_end_is_the_nearest_float(onset: int, duration: int) -> None:
    line = LINE.format(f"{onset / 1000:.3f}", f"{duration / 1000:.3f}", "a")
    assert read_rttm(line) == [Turn(onset / 1000, (onset + duration) / 1000, "a")]


def test_other_lines_are_ignored() -> None:
    text = "\r\n".join(
        [
            ";; EXP-ID: a test",
            "SPKR-INFO talk 1 <NA> <NA> <NA> unknown Ann <NA>",
            "",
            "  SPEAKER\ttalk 1 0.5\t1 <NA> <NA> Ann <NA>",
            "LEXEME talk 1 0.5 0.1 hello lex Ann 0.9",
            "speaker talk 1 2 .5 <NA> <NA> Ann\u00a0Lee <NA> <NA>",
            "SPEAKER talk 1 3 1 <NA> <NA> <NA> <NA> <NA>",
            "",
        ]
    )
    assert read_rttm(text) == [
        Turn(0.5, 1.5, "Ann"),
        Turn(2.0, 2.5, "Ann\u00a0Lee"),
        Turn(3.0, 4.0, None),
    ]


def test_nobody_speaks() -> None:
    assert read_rttm(";; nobody\nNON-SPEECH talk 1 0 9 <NA> noise <NA> <NA> <NA>") == []


def test_several_recordings() -> None:
    text = f"{LINE.format(0, 1, 'a')}\n{LINE.format(2, 1, 'b').replace('talk', 'show')}\n"
    assert read_rttm(text, uri="show") == [Turn(2, 3, "b")]
    with pytest.raises(FormatError, match="found show, talk, expected one; choose it by its uri"):
        read_rttm(text)
    with pytest.raises(FormatError, match="found show, talk, expected 'news'"):
        read_rttm(text, uri="news")


def test_one_recording_needs_no_uri_but_a_wrong_one_is_an_error() -> None:
    assert read_rttm(LINE.format(0, 1, "a"), uri="talk") == [Turn(0, 1, "a")]
    with pytest.raises(FormatError, match="found talk, expected 'news'"):
        read_rttm(LINE.format(0, 1, "a"), uri="news")


def test_what_is_no_span_passes_through() -> None:
    text = "\n".join(LINE.format(*times, "a") for times in [("nan", 1), ("inf", "-inf"), (-1, -2)])
    first, second, third = read_rttm(text)
    assert math.isnan(first.start)
    assert math.isnan(first.end)
    assert second.start == math.inf
    assert math.isnan(second.end)
    assert third == Turn(-1, -3, "a")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINE.format("x", 1, "a"), "^line 2: found 'x', expected a number of seconds"),
        (LINE.format(1, "<NA>", "a"), "^line 2: found '<NA>', expected a number of seconds"),
        (LINE.format("1_0", 1, "a"), "^line 2: found '1_0'"),
        (LINE.format(0, 1, "Ann Lee"), "^line 2: found .*, expected 10 fields without spaces"),
        ("SPEAKER", "^line 2: found 'SPEAKER', expected 10 fields"),
        ("hello there", "^line 2: found 'hello there', expected SPEAKER file channel onset"),
    ],
)
def test_what_is_malformed(line: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_rttm(f";; a test\n{line}\n")
