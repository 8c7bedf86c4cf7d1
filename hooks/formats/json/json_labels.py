"""What the JSON writers share: a parse that loses nothing, and an object with its speaker."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.json.json_segments import parse_json

if TYPE_CHECKING:
    from pgvoice.hooks.answers import Labelled

#: The key that keeps the diarizer's label beside the name.
DIARIZER_LABEL = "diarizer_label"
_INDENT = re.compile(r"\s*[\[{]\s*\n([ \t]+)")
_HALVES = re.compile("[\ud800-\udfff]")


def parse_whole(text: str) -> Any:
    """The JSON of a document; `FormatError` for what would not survive being written again."""
    return parse_json(text, object_pairs_hook=_object, parse_float=_number)


def dumped(changed: object, source: str | None) -> str:
    """JSON, indented as the source is, with its last line ended or not."""
    indented = _INDENT.match(source) if source is not None else None
    ended = source is None or source.endswith(("\n", "\r"))
    try:
        text = json.dumps(changed, ensure_ascii=False, indent=indented[1] if indented else None)
        if _HALVES.search(text):
            text = json.dumps(changed, indent=indented[1] if indented else None)
    except RecursionError as error:
        raise FormatError("line 1: found too many nested brackets to write them again") from error
    return text + ("\n" if ended else "")


def set_speaker(found: dict[str, Any], labelled: Labelled) -> None:
    """The name as ``speaker``, the diarizer's label beside it.

    Without a name the diarizer's label stays, or comes back where an earlier name had replaced it;
    a segment that nobody was asked about stays as it is.
    """
    name = labelled.speaker
    if name is not None:
        _rename(found, name)
    elif labelled.identification is not None and _is_label(found.get(DIARIZER_LABEL)):
        found["speaker"] = found.pop(DIARIZER_LABEL)


def new_object(labelled: Labelled) -> dict[str, Any]:
    """The object of a segment that comes from another format."""
    segment = labelled.segment
    made: dict[str, Any] = {"start": segment.start, "end": segment.end}
    if segment.text is not None:
        made["text"] = segment.text
    if segment.label is not None:
        made["speaker"] = segment.label
    set_speaker(made, labelled)
    return made


def _rename(found: dict[str, Any], name: str) -> None:
    label = found.get("speaker")
    if label == name:
        return
    if label is not None and found.get(DIARIZER_LABEL) is None:
        found[DIARIZER_LABEL] = label
    found["speaker"] = name


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


def _is_label(found: object) -> bool:
    return isinstance(found, str | int) and not isinstance(found, bool)
