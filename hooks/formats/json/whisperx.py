"""The JSON of WhisperX, and of other Whispers with the same shape: an object with ``segments``."""

from __future__ import annotations

from collections.abc import Sequence

from pgvoice.hooks.answers import Labelled
from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import Format
from pgvoice.hooks.formats.json.json_objects import (
    dumped,
    new_object,
    parse_json,
    parse_whole,
    segment_of_object,
)
from pgvoice.hooks.formats.json.words import WordSpeakers
from pgvoice.hooks.formats.writable_names import check_aligned
from pgvoice.store.turns import Turn


def read_whisperx(text: str, *, uri: str | None = None) -> list[Turn]:
    """The segments, of which there may be none; words and unknown keys are ignored."""
    found = parse_json(text)
    segments = found.get("segments") if isinstance(found, dict) else None
    if not isinstance(segments, list):
        raise unexpected("line 1", found, 'an object with a list as "segments"')
    return [_segment(index, item) for index, item in enumerate(segments)]


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


def _segment(index: int, item: object) -> Turn:
    if not isinstance(item, dict):
        raise unexpected(f"segment {index}", item, "an object with start and end")
    return segment_of_object(index, item)


WHISPERX = Format(
    "whisperx", (".json",), read_whisperx, lambda text: text.lstrip()[:1] == "{", write_whisperx
)
