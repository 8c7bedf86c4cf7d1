"""Times and spans as people write them: ``12.5``, ``1:02.5``, ``01:02:03.250``."""

from __future__ import annotations

import re

# hours:minutes:seconds, minutes:seconds or seconds; only the first number may exceed 59.
_TIME = re.compile(
    r"(?:(?:(\d{1,6}):([0-5]?\d)|(\d{1,6})):([0-5]?\d)|(\d{1,9}))(\.\d{1,30})?", re.ASCII
)


def parse_time(text: str) -> float:
    """A time in seconds, as the nearest float; raises `ValueError` with the text."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text[:60]!r} is not a time: expected seconds, minutes:seconds or"
            " hours:minutes:seconds, such as 62.5, 1:02.5 or 0:01:02.5"
        )
    hours, minutes, long_minutes, seconds, only_seconds = (
        int(field or 0) for field in match.groups()[:5]
    )
    whole = 3600 * hours + 60 * (minutes + long_minutes) + seconds + only_seconds
    return float(f"{whole}{match[6] or ''}")


def parse_span(text: str) -> tuple[float, float]:
    """Start and end in seconds of ``12.5-15`` or ``1:02-1:05.5``; `ValueError` as `parse_time`."""
    start_text, dash, end_text = text.partition("-")
    if not dash:
        raise ValueError(f"{text[:60]!r} is not a span: expected start-end, such as 1:02-1:05.5")
    start, end = parse_time(start_text), parse_time(end_text)
    if end <= start:
        raise ValueError(f"{text[:60]!r} is not a span: it must end after it starts")
    return start, end
