"""Plain JSON, a list of ``[start, end]`` pairs or of objects, and the table of JSON formats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import Format, check_aligned
from pgvoice.hooks.formats.json.catalog import SERVICES
from pgvoice.hooks.formats.json.json_objects import (
    check_seconds,
    dumped,
    new_object,
    parse_json,
    parse_whole,
    segment_of_object,
    set_speaker,
)
from pgvoice.hooks.formats.json.recognition import kind_of, unknown
from pgvoice.hooks.formats.json.units import seconds
from pgvoice.hooks.formats.json.whisperx import read_whisperx, write_whisperx
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn


def read_json(text: str, *, uri: str | None = None) -> list[Turn]:
    """The segments of the list, which may be empty; objects may have speaker (label) and text."""
    found = parse_json(text)
    if not isinstance(found, list):
        raise unknown(found)
    return segments_of(found)


def segments_of(found: Sequence[object]) -> list[Turn]:
    """The segments of a parsed list; raises `FormatError` also for times in milliseconds."""
    read = [_segment(index, item) for index, item in enumerate(found)]
    check_seconds([_times(item) for item in found])
    return read


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


def _times(item: object) -> tuple[object, object]:
    match item:
        case [start, end]:
            return start, end
        case dict():
            return item.get("start"), item.get("end")
    return None, None


def _segment(index: int, item: object) -> Turn:
    where = f"segment {index}"
    match item:
        case [start, end]:
            return Turn(seconds(where, start), seconds(where, end))
        case dict():
            return segment_of_object(index, item)
    raise unexpected(where, item, "[start, end] or an object with start and end")


def _is_kind(name: str, text: str) -> bool:
    return kind_of(text) == name


JSON = Format(
    "json",
    (".json",),
    read_json,
    lambda text: text.lstrip()[:1] == "[",
    write_json,
    summary="a list of [start, end] or of objects",
)
WHISPERX = Format(
    "whisperx",
    (".json",),
    read_whisperx,
    partial(_is_kind, "whisperx"),
    write_whisperx,
    summary="WhisperX, Whisper, faster-whisper, OpenAI",
)
#: Plain JSON first: a document of no known shape is read as it, which says what is known.
JSON_FORMATS = (
    JSON,
    WHISPERX,
    *(
        Format(
            service.name,
            (".json",),
            service.read,
            partial(_is_kind, service.name),
            service.write,
            summary=service.summary,
        )
        for service in SERVICES
    ),
)
