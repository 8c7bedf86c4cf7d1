"""Words become turns: by speaker, pause, sentence and length."""

from __future__ import annotations

import pytest

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.json.joining import is_single, joined
from pgvoice.hooks.formats.json.layouts import Entry
from pgvoice.hooks.formats.json.units import Unit, decimal, iso_8601, milliseconds, protobuf, ticks
from pgvoice.store.turns import Turn


def turns(*words: Entry) -> list[Turn]:
    return [found.turn for found in joined(words)]


def test_another_speaker() -> None:
    words = [Entry(0, 1, "A", "so"), Entry(1, 2, "A", "now"), Entry(1.5, 1.8, "B", "yes")]
    assert turns(*words, Entry(2, 3, "A", "we")) == [
        Turn(0, 2, "A", "so now"),
        Turn(1.5, 1.8, "B", "yes"),
        Turn(2, 3, "A", "we"),
    ]


def test_a_pause() -> None:
    assert turns(Entry(0, 1, None, "a"), Entry(1.9, 2, None, "b"), Entry(3, 4, None, "c")) == [
        Turn(0, 2, None, "a b"),
        Turn(3, 4, None, "c"),
    ]


def test_a_sentence_ends_a_long_turn() -> None:
    words = [Entry(n, n + 1, "A", "end." if n % 8 == 7 else "a") for n in range(30)]
    assert [(turn.start, turn.end) for turn in turns(*words)] == [(0, 24), (24, 30)]


def test_the_longest_turn() -> None:
    words = [Entry(n, n + 1, "A", "a") for n in range(130)]
    assert [(turn.start, turn.end) for turn in turns(*words)] == [(0, 60), (60, 120), (120, 130)]
    assert turns(Entry(0, 90, "A", "a")) == [Turn(0, 90, "A", "a")]


def test_words_without_times() -> None:
    word = Entry(1, 2, "A", "1998")
    comma, other = Entry(None, None, "A", ",", is_glued=True), Entry(None, None, "B", "x")
    assert turns(comma, word, comma, other) == [Turn(1, 2, "A", ", 1998, x")]
    assert turns(comma, other) == []


def test_single_words() -> None:
    words = [Entry(0, 1, None, text) for text in ("I", "am", " your", "father.", None, "")]
    assert is_single(words)
    assert not is_single([*words, Entry(0, 1, None, "All of it."), Entry(0, 1, None, "Or this.")])
    assert not is_single(words[:1])


@pytest.mark.parametrize(
    ("unit", "found", "seconds"),
    [
        (milliseconds, 1234, 1.234),
        (milliseconds, 1234.0, 1.234),
        (ticks, 15900000.0, 1.59),
        (decimal, "4.87", 4.87),
        (decimal, 5, 5.0),
        (protobuf, "1.300s", 1.3),
        (protobuf, "0s", 0.0),
        (protobuf, {"seconds": "61", "nanos": 500_000_000}, 61.5),
        (protobuf, {}, 0.0),
        (iso_8601, "PT1H2M3.5S", 3723.5),
        (iso_8601, "PT0.07S", 0.07),
        (iso_8601, "PT2M", 120.0),
    ],
)
def test_units(unit: Unit, found: object, seconds: float) -> None:
    assert unit("word 0", found) == seconds


@pytest.mark.parametrize(
    ("unit", "found"),
    [
        (milliseconds, 0.5),
        (milliseconds, "5"),
        (milliseconds, True),
        (milliseconds, 10**400),
        (milliseconds, float("nan")),
        (ticks, float("inf")),
        (decimal, "-1"),
        (decimal, "1e9"),
        (decimal, "9" * 400),
        (protobuf, "1.3"),
        (protobuf, {"seconds": []}),
        (iso_8601, "PT"),
        (iso_8601, "P1D"),
        (iso_8601, 5),
    ],
)
def test_what_is_no_time(unit: Unit, found: object) -> None:
    with pytest.raises(FormatError, match=r"^word 0: found "):
        unit("word 0", found)
