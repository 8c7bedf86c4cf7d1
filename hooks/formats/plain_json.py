"""Plain JSON: a list of ``[start, end]`` pairs, or of objects with start and end."""

from __future__ import annotations

from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import Format, InputSegment
from pgvoice.hooks.formats.json_segments import parse_json, seconds, segment_of_object


def read_json(text: str, *, uri: str | None = None) -> list[InputSegment]:
    """The segments of the list, which may be empty; objects may have speaker (label) and text."""
    found = parse_json(text)
    if not isinstance(found, list):
        raise unexpected("line 1", found, "a list of segments")
    return [_segment(index, item) for index, item in enumerate(found)]


def _segment(index: int, item: object) -> InputSegment:
    where = f"segment {index}"
    match item:
        case [start, end]:
            return InputSegment(seconds(where, start), seconds(where, end))
        case dict():
            return segment_of_object(index, item)
    raise unexpected(where, item, "[start, end] or an object with start and end")


def _matches(text: str) -> bool:
    return text.lstrip().startswith("[")


JSON = Format("json", (".json",), read_json, _matches)
