"""Times and spans as people write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgvoice.hooks.formats.times import parse_span, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        ("0", 0.0),
        ("1:02.5", 62.5),
        ("75:10", 4510.0),
        ("01:02:03.250", 3723.25),
        ("100:00:00", 360_000.0),
        (" 7.1 ", 7.1),
        ("4.242", 4.242),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "1:60", "1:61:00", "1:2:3:4", "1.", ".5", "1e3", "nan", "1_0", "1,5", "\u0663"],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time") as caught:
        parse_time(text)
    assert repr(text) in str(caught.value)


@given(st.integers(0, 10**9))
def test_milliseconds_are_the_nearest_float(milliseconds: int) -> None:
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
    assert parse_time(text) == milliseconds / 1000


@given(st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    for parse in (parse_time, parse_span):
        with suppress(ValueError):
            parse(text)


def test_spans() -> None:
    assert parse_span("12.5-15") == (12.5, 15.0)
    assert parse_span("1:02-1:05.5") == (62.0, 65.5)
    assert parse_span("0 - 0:00:01") == (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12", "'12' is not a span: expected start-end"),
        ("5-5", "'5-5' is not a span: it must end after it starts"),
        ("5-4", "'5-4' is not a span"),
        ("-1-4", "'' is not a time"),
        ("1-2-3", "'2-3' is not a time"),
    ],
)
def test_what_is_no_span(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_span(text)
