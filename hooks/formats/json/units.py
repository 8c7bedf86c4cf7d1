"""Times of JSON documents in the units that their owners use, as seconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from pgvoice.hooks.formats.documents import unexpected

#: Takes the place of a value, for errors, and the value; returns seconds, or raises `FormatError`.
Unit = Callable[[str, object], float]

_DECIMAL = re.compile(r"\d{1,9}(?:\.\d{1,30})?", re.ASCII)
_PROTOBUF = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s", re.ASCII)
_ISO_8601 = re.compile(
    r"PT(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,30})?)S)?", re.ASCII
)
_TICKS = 10_000_000


def seconds(where: str, found: object) -> float:
    """The float that is nearest to a JSON number."""
    if is_number(found):
        with suppress(OverflowError):
            return float(found)  # type: ignore[arg-type]
    raise unexpected(where, found, "a number of seconds")


def milliseconds(where: str, found: object) -> float:
    """A whole number of milliseconds."""
    return _whole(where, found, 1_000, "milliseconds")


def ticks(where: str, found: object) -> float:
    """A whole number of tenths of a microsecond."""
    return _whole(where, found, _TICKS, "ticks of 100 nanoseconds")


def decimal(where: str, found: object) -> float:
    """Seconds as a number or as text, such as ``"4.87"``."""
    if isinstance(found, str) and _DECIMAL.fullmatch(found):
        return float(found)
    if isinstance(found, str):
        raise unexpected(where, found, 'seconds such as "4.87"')
    return seconds(where, found)


def protobuf(where: str, found: object) -> float:
    """A duration of protocol buffers: ``"1.300s"``, or its seconds and nanos, or a number."""
    if isinstance(found, dict):
        whole, nanos = (found.get(key, 0) for key in ("seconds", "nanos"))
        return round(decimal(where, whole) + decimal(where, nanos) / 1e9, 9)
    if isinstance(found, str):
        match = _PROTOBUF.fullmatch(found)
        if match is None:
            raise unexpected(where, found, 'a duration such as "1.300s"')
        return float(match[1])
    return seconds(where, found)


def iso_8601(where: str, found: object) -> float:
    """A duration of ISO 8601 without days, such as ``PT1M4.12S``."""
    match = _ISO_8601.fullmatch(found) if isinstance(found, str) else None
    if match is None:
        raise unexpected(where, found, "a duration such as PT1M4.12S")
    hours, minutes = (int(field or 0) for field in match.group(1, 2))
    return round(3600 * hours + 60 * minutes + float(match[3] or 0), 7)


def is_number(found: object) -> bool:
    """Whether a value is a JSON number."""
    return isinstance(found, int | float) and not isinstance(found, bool)


def _whole(where: str, found: object, in_a_second: int, name: str) -> float:
    if is_number(found) and found == found // 1:  # type: ignore[operator]
        with suppress(OverflowError):
            return int(found) / in_a_second
    raise unexpected(where, found, f"a whole number of {name}")
