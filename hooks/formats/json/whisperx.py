"""WhisperX's JSON, and that of the Whispers with the same shape: an object with ``segments``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import Format
from pgvoice.hooks.formats.json.json_labels import dumped, new_object, parse_whole, set_speaker
from pgvoice.hooks.formats.json.json_segments import parse_json, segment_of_object
from pgvoice.hooks.formats.json.words import WordSpeakers
from pgvoice.hooks.formats.writable_names import check_aligned
from pgvoice.store.turns import Turn

if TYPE_CHECKING:
    from pgvoice.hooks.answers import Labelled


def read_whisperx(text: str, *, uri: str | None = None) -> list[Turn]:
    """The segments, which may be none; their words, and keys that are not known, are ignored."""
    found = parse_json(text)
    segments = found.get("segments") if isinstance(found, dict) else None
    if not isinstance(segments, list):
        raise unexpected("line 1", found, 'an object with a list as "segments"')
    return [_segment(index, item) for index, item in enumerate(segments)]


def write_whisperx(
    labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
) -> str:
    """Keys that are not known stay; words get the speaker they overlap most with."""
    if source is None:
        return dumped({"segments": [new_object(each) for each in labelled]}, None)
    check_aligned(labelled, read_whisperx(source))
    found = parse_whole(source)
    speakers = WordSpeakers(labelled)
    for segment, each in zip(found["segments"], labelled, strict=True):
        set_speaker(segment, each)
        speakers.name_words(segment.get("words"), each)
    speakers.name_words(found.get("word_segments"), None)
    return dumped(found, source)


def _segment(index: int, item: object) -> Turn:
    if not isinstance(item, dict):
        raise unexpected(f"segment {index}", item, "an object with start and end")
    return segment_of_object(index, item)


def _matches(text: str) -> bool:
    return text.lstrip().startswith("{")


WHISPERX = Format("whisperx", (".json",), read_whisperx, _matches, write_whisperx)
