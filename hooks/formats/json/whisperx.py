"""The JSON of WhisperX: an object with ``segments``, which other Whispers write too.

OpenAI's ``verbose_json`` and ``diarized_json``, openai-whisper and faster-whisper do. A
``verbose_json`` may have words and no segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import check_aligned
from pgvoice.hooks.formats.json.json_objects import (
    check_seconds,
    dumped,
    new_object,
    parse_json,
    parse_whole,
    segment_of_object,
)
from pgvoice.hooks.formats.json.layouts import Layout, times
from pgvoice.hooks.formats.json.paths import EACH, leads
from pgvoice.hooks.formats.json.services import Service
from pgvoice.hooks.formats.json.units import seconds
from pgvoice.hooks.formats.json.words import WordSpeakers
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

#: A document that has words but no segments.
_ONLY_WORDS = Service(
    "whisperx",
    "OpenAI's verbose_json with words alone",
    marks=(("words", EACH, "word"),),
    but_not=(("segments",),),
    layouts=(
        Layout(("words",), times(("start",), ("end",), seconds), text=(("word",),), words="always"),
    ),
)


def matches_whisperx(root: object) -> bool:
    """Whether a parsed document is WhisperX's, and not one of the podcast namespace."""
    if _ONLY_WORDS.matches(root):
        return True
    return leads(root, ("segments",)) and not leads(root, ("segments", EACH, "startTime"))


def read_whisperx(text: str, *, uri: str | None = None) -> list[Turn]:
    """The segments, of which there may be none; words and unknown keys are ignored."""
    found = parse_json(text)
    if _ONLY_WORDS.matches(found):
        return _ONLY_WORDS.read(text)
    segments = found.get("segments") if isinstance(found, dict) else None
    if not isinstance(segments, list):
        raise unexpected("line 1", found, 'an object with a list as "segments"')
    for index, item in enumerate(segments):
        if not isinstance(item, dict):
            raise unexpected(f"segment {index}", item, "an object with start and end")
    read = [segment_of_object(index, item) for index, item in enumerate(segments)]
    check_seconds([(item.get("start"), item.get("end")) for item in segments])
    return read


def write_whisperx(
    labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
) -> str:
    """Unknown keys are kept; each word gets the speaker whose segments it overlaps most."""
    if source is None:
        return dumped({"segments": [new_object(each) for each in labelled]}, None)
    found: Any = parse_whole(source)
    if _ONLY_WORDS.matches(found):
        return _ONLY_WORDS.write(labelled, source=source)
    check_aligned(labelled, read_whisperx(source))
    speakers = WordSpeakers(labelled)
    speakers.name_segments(found["segments"])
    for words in ("word_segments", "words"):
        speakers.name_words(found.get(words), None)
    return dumped(found, source)
