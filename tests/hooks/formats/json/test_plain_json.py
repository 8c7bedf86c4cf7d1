"""Plain JSON: pairs and objects."""

from __future__ import annotations

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pgvoice_testkit.stores.labelled_turns import labels

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.json.json_formats import read_json
from pgvoice.hooks.formats.reading import read_document, read_segments
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn


def test_pairs_and_objects() -> None:
    text = """[[0, 2.5], {"start": 3, "end": 4.25, "speaker": "SPEAKER_00", "text": " Hi.", "x": 1},
               {"start": 5, "end": 6, "label": "Ann", "text": null}, {"end": 8, "start": 7}]"""
    assert read_json(text) == [
        Turn(0.0, 2.5),
        Turn(3.0, 4.25, "SPEAKER_00", " Hi."),
        Turn(5.0, 6.0, "Ann"),
        Turn(7.0, 8.0),
    ]


def test_an_empty_list_is_no_segments() -> None:
    assert read_json("[]") == []


def test_numbered_speakers_are_labels() -> None:
    assert read_json('[{"start": 0, "end": 1, "speaker": 0}]')[0].label == "0"


def test_half_a_character_is_replaced() -> None:
    text = r'[{"start": 0, "end": 1, "label": "\ud83d\ude00", "text": "\ud83d"}]'
    assert read_json(text) == [Turn(0, 1, "\N{GRINNING FACE}", "\N{REPLACEMENT CHARACTER}")]


def test_what_is_no_span_passes_through() -> None:
    (first, second) = read_json("[[NaN, -Infinity], [3, -1]]")
    assert math.isnan(first.start)
    assert first.end == -math.inf
    assert second == Turn(3, -1)


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False))))
def test_times_are_exactly_as_given(pairs: list[tuple[float, float]]) -> None:
    read = read_json(json.dumps(pairs))
    assert [(segment.start, segment.end) for segment in read] == pairs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[0, 1], [2]]", r"^segment 1: found \[2\], expected \[start, end\] or an object"),
        ("[[0, 1, 2]]", r"^segment 0: found \[0, 1, 2\]"),
        ('[[0, "1"]]', "^segment 0: found '1', expected a number of seconds"),
        ("[[0, true]]", "^segment 0: found True, expected a number of seconds"),
        ('[[0, 1], {"start": 1}]', """^segment 1: found .*, expected a number as "end\""""),
        ('[{"start": null, "end": 1}]', """^segment 0: .*, expected a number as "start\""""),
        ('[{"start": 0, "end": 1, "text": []}]', r"^segment 0: found \[\], expected text"),
        ('[{"start": 0, "end": 1, "label": true}]', "^segment 0: found True, expected text"),
        ("[null]", "^segment 0: found None"),
        ('{"start": 0}', "^line 1: found .*, expected a list of segments"),
        ("[[0, 1],\n[2, ", r"^line 2, column \d+: found the end of the file"),
        ("[[0, 1],\n[2 3]]", r"^line 2, column \d+: found invalid JSON, Expecting ',' delimiter"),
    ],
)
def test_what_is_malformed(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_json(text)
    assert len(str(caught.value)) < 300


def test_what_is_far_too_much() -> None:
    for text, message in (
        (f"[[0, 1{'0' * 400}]]", "^segment 0: found 10+.*, expected a number of seconds"),
        (f"[[0, 1{'0' * 5000}]]", "^line 1: found a number that is too long"),
        ("[" * 100_000, "^line 1: found too many nested brackets"),
    ):
        with pytest.raises(FormatError, match=message) as caught:
            read_json(text)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "[[0, 2500], [2600, 4180], [4500, 9001]]",
        '[{"start": 120, "end": 3480, "speaker": "A"}, {"start": 3500, "end": 4100}]',
        '{"segments": [{"start": 250, "end": 26950, "text": "Smoke."}]}',
        '{"version": "1", "segments": [{"startTime": 250, "endTime": 2695, "body": "Hi there."}]}',
    ],
)
def test_what_can_only_be_milliseconds_is_refused(text: str) -> None:
    with pytest.raises(
        FormatError, match=r"segment 0: found \[\d+, \d+\], expected seconds: these"
    ):
        read_segments(io.StringIO(text))


@pytest.mark.parametrize(
    "text",
    [
        "[[0, 600], [600, 1800]]",  # whole minutes
        "[[0, 2500.0], [2600, 4180]]",  # decimals
        "[[0, 290], [300, 301]]",  # short enough
        "[[0, 2500], [2600, 2601], [2700, 2702]]",  # one that is too long
        "[]",
    ],
)
def test_seconds_that_are_large(text: str) -> None:
    assert len(read_segments(io.StringIO(text))) == len(json.loads(text))


def test_keys_that_say_milliseconds() -> None:
    text = """[{"start_ms": 250, "end_ms": 26950, "speaker": "A", "x": 1},
               {"startMs": 27000, "endMs": 27001}, {"start": 28, "end": 29.5}]"""
    source = read_document(io.StringIO(text))
    assert source.segments == (Turn(0.25, 26.95, "A"), Turn(27, 27.001), Turn(28, 29.5))
    named = json.loads(write_labels(labels(source.segments, "Ada", None, None), source=source))
    assert named[0] == {
        "start_ms": 250,
        "end_ms": 26950,
        "speaker": "Ada",
        "x": 1,
        "diarizer_label": "A",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"start_ms": 250.5, "end_ms": 300}]', "found 250.5, expected a whole number of milli"),
        ('[{"start_ms": 250}]', 'expected a number as "end_ms"'),
        ('[{"offset": 250, "duration": 300}]', 'expected a number as "start"'),
    ],
)
def test_other_keys_are_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_json(text)
