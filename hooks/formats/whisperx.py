"""WhisperX's JSON, and that of the Whispers with the same shape: an object with ``segments``."""

from __future__ import annotations

from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import Format, InputSegment
from pgvoice.hooks.formats.json_segments import parse_json, segment_of_object


def read_whisperx(text: str, *, uri: str | None = None) -> list[InputSegment]:
    """The segments, which may be none; their words, and keys that are not known, are ignored."""
    found = parse_json(text)
    segments = found.get("segments") if isinstance(found, dict) else None
    if not isinstance(segments, list):
        raise unexpected("line 1", found, 'an object with a list as "segments"')
    return [_segment(index, item) for index, item in enumerate(segments)]


def _segment(index: int, item: object) -> InputSegment:
    if not isinstance(item, dict):
        raise unexpected(f"segment {index}", item, "an object with start and end")
    return segment_of_object(index, item)


def _matches(text: str) -> bool:
    return text.lstrip().startswith("{")


WHISPERX = Format("whisperx", (".json",), read_whisperx, _matches)
