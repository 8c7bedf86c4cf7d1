"""What the JSON formats share: parsing, and a segment that is an object."""

from __future__ import annotations

import json
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import unexpected
from pgvoice.store.turns import Turn

LABEL_KEYS = ("speaker", "label")


def parse_json(text: str, **hooks: Any) -> object:
    """Any JSON, NaN and Infinity included; `FormatError` names the line.

    `hooks` are those of `json.loads`.
    """
    try:
        parsed: object = json.loads(text, **hooks)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        if error.pos >= len(text.rstrip()):
            raise FormatError(f"{where}: found the end of the file, expected more JSON") from error
        raise FormatError(f"{where}: found no JSON, {error.msg}") from error
    except RecursionError as error:
        raise FormatError("line 1: found too many nested brackets, expected segments") from error
    except ValueError as error:
        raise FormatError(f"line 1: found a number that is too long, {error}") from error
    return parsed


def segment_of_object(index: int, found: dict[str, object]) -> Turn:
    """The segment of an object with start and end; keys that are not known are ignored."""
    where = f"segment {index}"
    for key in ("start", "end"):
        if found.get(key) is None:
            raise unexpected(where, found, f'a number as "{key}"')
    return Turn(
        seconds(where, found["start"]),
        seconds(where, found["end"]),
        _label(where, found),
        _text(where, found.get("text")),
    )


def seconds(where: str, found: object) -> float:
    """A JSON number, exactly as it is; a truth value is none."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise unexpected(where, found, "a number of seconds")
    try:
        return float(found)
    except OverflowError as error:
        raise unexpected(where, found, "a number of seconds") from error


def _label(where: str, found: dict[str, object]) -> str | None:
    given = next((found[key] for key in LABEL_KEYS if found.get(key) is not None), None)
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return _text(where, given)


def _text(where: str, found: object) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str):
        raise unexpected(where, found, "text")
    return _without_lone_surrogates(found)


def _without_lone_surrogates(text: str) -> str:
    # JSON can escape half of a character, which nothing can print or store.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
