"""JSON for both formats: parsing, writing, and the object of one segment."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

LABEL_KEYS = ("speaker", "label")
#: The key of the diarizer's label beside a name.
DIARIZER_LABEL = "diarizer_label"
_INDENT = re.compile(r"\s*[\[{]\s*\n([ \t]+)")
_SURROGATES = re.compile("[\ud800-\udfff]")


def parse_json(text: str, **hooks: Any) -> object:
    """Any JSON, including NaN and Infinity; `hooks` are those of `json.loads`.

    Raises `FormatError` with the line of the mistake.
    """
    try:
        parsed: object = json.loads(text, **hooks)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        if error.pos >= len(text.rstrip()):
            raise FormatError(f"{where}: found the end of the file, expected more JSON") from error
        raise FormatError(f"{where}: found invalid JSON, {error.msg}") from error
    except RecursionError as error:
        raise FormatError("line 1: found too many nested brackets, expected segments") from error
    except ValueError as error:
        raise FormatError(f"line 1: found a number that is too long, {error}") from error
    return parsed


def parse_whole(text: str) -> Any:
    """JSON to be written again; raises `FormatError` for what `dumped` would not reproduce."""
    return parse_json(text, object_pairs_hook=_object, parse_float=_number)


def dumped(changed: object, source: str | None) -> str:
    """JSON with the indentation of the source, and a final line break if the source has one."""
    indented = _INDENT.match(source) if source is not None else None
    indent = indented[1] if indented else None
    ended = source is None or source.endswith(("\n", "\r"))
    try:
        text = json.dumps(changed, ensure_ascii=False, indent=indent)
        if _SURROGATES.search(text):
            text = json.dumps(changed, indent=indent)
    except RecursionError as error:
        raise FormatError("line 1: found too many nested brackets to write them again") from error
    return text + ("\n" if ended else "")


def segment_of_object(index: int, found: dict[str, object]) -> Turn:
    """The segment of an object with start and end; other keys are ignored."""
    where = f"segment {index}"
    for key in ("start", "end"):
        if found.get(key) is None:
            raise unexpected(where, found, f'a number as "{key}"')
    label = next((found[key] for key in LABEL_KEYS if found.get(key) is not None), None)
    return Turn(
        seconds(where, found["start"]),
        seconds(where, found["end"]),
        str(label) if _is_integer(label) else _text(where, label),
        _text(where, found.get("text")),
    )


def seconds(where: str, found: object) -> float:
    """The float that is nearest to a JSON number."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        with suppress(OverflowError):
            return float(found)
    raise unexpected(where, found, "a number of seconds")


def new_object(labelled: Labelled) -> dict[str, Any]:
    """A new object for a segment that was read from another format."""
    segment = labelled.segment
    made: dict[str, Any] = {"start": segment.start, "end": segment.end}
    if segment.text is not None:
        made["text"] = segment.text
    if segment.label is not None:
        made["speaker"] = segment.label
    set_speaker(made, labelled)
    return made


def set_speaker(found: dict[str, Any], labelled: Labelled) -> None:
    """Set the name as ``speaker``, and keep the diarizer's label beside it.

    A segment without a name gets the diarizer's label back if a name had replaced it. A segment
    that was not identified stays unchanged.
    """
    name, label = labelled.speaker, found.get("speaker")
    if name is not None:
        if label not in (None, name) and found.get(DIARIZER_LABEL) is None:
            found[DIARIZER_LABEL] = label
        found["speaker"] = name
    elif labelled.identification is not None:
        kept = found.get(DIARIZER_LABEL)
        if isinstance(kept, str) or _is_integer(kept):
            found["speaker"] = found.pop(DIARIZER_LABEL)


def _text(where: str, found: object) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str):
        raise unexpected(where, found, "text")
    # JSON can escape lone surrogates, which can be neither printed nor stored.
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FormatError(f"found the key {twice[:60]!r} twice in one object, expected it once")
    return made


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise FormatError(f"found {text[:60]}, a number that is too large to be written again")
    return number


def _is_integer(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)
