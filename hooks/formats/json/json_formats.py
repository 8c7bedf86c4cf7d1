"""Plain JSON (a list of ``[start, end]`` pairs or of objects with start and end), and WhisperX's.

Other Whispers write the same object with ``segments`` as WhisperX does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import Format, check_aligned
from pgvoice.hooks.formats.json.json_objects import (
    dumped,
    new_object,
    parse_json,
    parse_whole,
    seconds,
    segment_of_object,
    set_speaker,
)
from pgvoice.hooks.formats.json.words import WordSpeakers
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn


def read_json(text: str, *, uri: str | None = None) -> list[Turn]:
    """The segments of the list, which may be empty; objects may have speaker (label) and text."""
    found = parse_json(text)
    if not isinstance(found, list):
        raise unexpected("line 1", found, "a list of segments")
    return segments_of(found)


def segments_of(found: Sequence[object]) -> list[Turn]:
    """The segments of a parsed list."""
    return [_segment(index, item) for index, item in enumerate(found)]


def write_json(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """Unknown keys are kept; a pair that gets a name becomes an object."""
    if source is None:
        return dumped([new_object(each) for each in labelled], None)
    check_aligned(labelled, read_json(source))
    items = parse_whole(source)
    named = [_named(item, each) for item, each in zip(items, labelled, strict=True)]
    return dumped(named, source)


def _named(item: Any, labelled: Labelled) -> Any:
    if isinstance(item, list):
        if labelled.speaker is None:
            return item
        item = {"start": item[0], "end": item[1]}
    set_speaker(item, labelled)
    return item


def _segment(index: int, item: object) -> Turn:
    where = f"segment {index}"
    match item:
        case [start, end]:
            return Turn(seconds(where, start), seconds(where, end))
        case dict():
            return segment_of_object(index, item)
    raise unexpected(where, item, "[start, end] or an object with start and end")


JSON = Format("json", (".json",), read_json, lambda text: text.lstrip()[:1] == "[", write_json)


def read_whisperx(text: str, *, uri: str | None = None) -> list[Turn]:
    """The segments, of which there may be none; words and unknown keys are ignored."""
    found = parse_json(text)
    segments = found.get("segments") if isinstance(found, dict) else None
    if not isinstance(segments, list):
        raise unexpected("line 1", found, 'an object with a list as "segments"')
    for index, item in enumerate(segments):
        if not isinstance(item, dict):
            raise unexpected(f"segment {index}", item, "an object with start and end")
    return [segment_of_object(index, item) for index, item in enumerate(segments)]


def write_whisperx(
    labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
) -> str:
    """Unknown keys are kept; each word gets the speaker whose segments it overlaps most."""
    if source is None:
        return dumped({"segments": [new_object(each) for each in labelled]}, None)
    check_aligned(labelled, read_whisperx(source))
    found = parse_whole(source)
    speakers = WordSpeakers(labelled)
    speakers.name_segments(found["segments"])
    speakers.name_words(found.get("word_segments"), None)
    return dumped(found, source)


WHISPERX = Format(
    "whisperx", (".json",), read_whisperx, lambda text: text.lstrip()[:1] == "{", write_whisperx
)
