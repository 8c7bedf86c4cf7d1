"""JSON for all formats: parsing, writing, and the object of one segment."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from statistics import median_low
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import shown, unexpected
from pgvoice.hooks.formats.json.units import Unit, milliseconds, seconds
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

LABEL_KEYS = ("speaker", "label")
#: The key of the diarizer's label beside a name.
DIARIZER_LABEL = "diarizer_label"
#: The key of a name beside a speaker that is a number.
NAME = "speaker_name"
#: Keys of start and end, and their unit; the first that occur count.
_TIMES: tuple[tuple[str, str, Unit], ...] = (
    ("start", "end", seconds),
    ("start_ms", "end_ms", milliseconds),
    ("startMs", "endMs", milliseconds),
)
# Turns of this median length in seconds would be longer than any that people speak, and as
# milliseconds they would be short ones.
_TOO_LONG_S = 300
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
    start, end, unit = next((keys for keys in _TIMES if found.get(keys[0]) is not None), _TIMES[0])
    for key in (start, end):
        if found.get(key) is None:
            raise unexpected(where, found, f'a number as "{key}"')
    label = next((found[key] for key in LABEL_KEYS if found.get(key) is not None), None)
    return Turn(
        unit(where, found[start]),
        unit(where, found[end]),
        None if label is None else label_text(where, label),
        plain_text(where, found.get("text")),
    )


def check_seconds(times: Sequence[tuple[object, object]]) -> None:
    """Raise `FormatError` if starts and ends, meant to be seconds, can only be milliseconds.

    They are if all are whole numbers, not all of whole minutes, and half of the segments would last
    for minutes.
    """
    whole = [(start, end) for start, end in times if _is_integer(start) and _is_integer(end)]
    if not whole or len(whole) < len(times):
        return
    lengths = [end - start for start, end in whole]  # type: ignore[operator]
    if median_low(lengths) < _TOO_LONG_S or not any(
        time % 60  # type: ignore[operator]
        for span in whole
        for time in span
    ):
        return
    index = next(place for place, length in enumerate(lengths) if length >= _TOO_LONG_S)
    raise FormatError(
        f"segment {index}: found {shown(list(whole[index]))}, expected seconds: these look like"
        " milliseconds; divide them by 1000, or call the keys start_ms and end_ms"
        " (seconds are accepted as decimals: 600.0)"
    )


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


def set_speaker(
    found: dict[str, Any],
    labelled: Labelled,
    keys: Sequence[str] = ("speaker",),
    *,
    beside: bool = False,
) -> None:
    """Set the name under the first of the speaker's keys, and keep the diarizer's label beside it.

    With `beside` the name is set as ``speaker_name`` instead, and the speaker, a number, stays. A
    segment without a name gets the diarizer's label back if a name had replaced it. A segment that
    was not identified stays unchanged.
    """
    name = labelled.speaker
    if name is not None and beside:
        found[NAME] = name
    elif name is not None:
        label = next((found[key] for key in keys if found.get(key) is not None), None)
        if label not in (None, name) and found.get(DIARIZER_LABEL) is None:
            found[DIARIZER_LABEL] = label
        found[keys[0]] = name
    elif labelled.identification is not None:
        found.pop(NAME, None) if beside else _take_back(found, keys)


def _take_back(found: dict[str, Any], keys: Sequence[str]) -> None:
    kept = found.get(DIARIZER_LABEL)
    if not (isinstance(kept, str) or _is_integer(kept)):
        return
    del found[DIARIZER_LABEL]
    if any(found.get(other) == kept for other in keys[1:]):
        found.pop(keys[0], None)
    else:
        found[keys[0]] = kept


def label_text(where: str, found: object) -> str | None:
    """A label, which is text or a whole number."""
    return str(found) if _is_integer(found) else plain_text(where, found)


def plain_text(where: str, found: object) -> str | None:
    """Text without half characters, or None; raises `FormatError` for other values."""
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
