"""Vectors in JSON: lists of segments, objects of recordings, WhisperX's and pyannote's results.

WhisperX (``--diarize --speaker_embeddings``) writes ``speaker_embeddings``, an object of vectors
by label, beside ``segments``. pyannote.audio 4 returns them as an array in the order of the sorted
labels, which may stand as a list beside the ``diarization`` that it serializes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import load_document, shown, unexpected
from pgvoice.hooks.vectors.vectors_file import (
    EMBEDDING,
    ENCODER,
    LABEL,
    OF_LABELS,
    VIDEO,
    FoundVector,
    VectorsFile,
    is_per_label,
)
from pgvoice.store.encoders.given_vectors import GivenVector

LINES = (".jsonl", ".ndjson")
#: Where the segments of a recording are; pyannote calls them a diarization.
SEGMENTS = ("segments", "diarization")
#: The longest line that is read.
_LONGEST = 1 << 28


def open_json(path: Path) -> VectorsFile:
    """A JSON document, or a document per line. Raises `FormatError`."""
    if path.suffix.lower() in LINES:
        _, first = next(_lines(path), ("", None))
        return VectorsFile(path, _shares(first), None, partial(_read_lines, path))
    whole = _parsed(load_document(path).text, "the file")
    count = sum(1 for _ in _rows(whole, None, ""))
    return VectorsFile(path, _shares(whole), count, partial(_read, path))


def _read(path: Path) -> Iterator[FoundVector]:
    yield from _rows(_parsed(load_document(path).text, "the file"), None, "")


def _read_lines(path: Path) -> Iterator[FoundVector]:
    for place, document in _lines(path):
        yield from _item(document, None, place)


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Each line that is not blank, and where it is."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), b""), 1):
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise FormatError(f"line {number} is not UTF-8: {error.reason}") from None
            yield f"line {number}", _parsed(text, f"line {number}")


def _parsed(text: str, where: str) -> Any:
    """JSON; NaN, which Python writes for a vector that could not be computed, is a number."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where} is not JSON: {error}") from None


def _shares(document: Any) -> bool:
    """Whether the vectors are those of labels: by the first object that has any."""
    if isinstance(document, list):
        return any(map(_shares, islice(document, 1)))
    if not isinstance(document, Mapping):
        return False
    if OF_LABELS in document or is_per_label(document.get(ENCODER)):
        return True
    if any(name in document for name in (*SEGMENTS, "start")):
        segments = _first(document, SEGMENTS)
        return bool(segments) and _shares(segments)
    return any(map(_shares, islice(document.values(), 1)))


def _rows(document: Any, video: str | None, place: str) -> Iterator[FoundVector]:
    """The segments of a list, of a recording's object, or of an object by recording."""
    if isinstance(document, list):
        for number, each in enumerate(document, 1):
            yield from _item(each, video, f"{place} segment {number}".strip())
        return
    if not isinstance(document, Mapping):
        raise unexpected(place or "the file", document, "a list of segments with vectors")
    segments = _first(document, SEGMENTS)
    if segments is not None:
        named = _video(document, place or "the file") or video
        yield from _recording(document, segments, named, place)
        return
    for name, each in document.items():
        if not isinstance(each, list | Mapping):
            raise FormatError(
                f"{place or 'the file'}: found {shown(name)}, expected segments: a list of {{start,"
                " end, embedding}, or an object with segments"
            )
        yield from _rows(each, name, f"{shown(name)}")


def _item(found: Any, video: str | None, where: str) -> Iterator[FoundVector]:
    """A segment, or a recording's object."""
    if isinstance(found, Mapping) and "start" in found:
        yield FoundVector(_video(found, where) or video, _vector(found, where))
    elif isinstance(found, Mapping) and _first(found, SEGMENTS) is not None:
        yield from _rows(found, video, where)
    else:
        raise unexpected(where, found, "{start, end, embedding} or {video, segments}")


def _recording(
    document: Mapping[str, Any], segments: Any, video: str | None, place: str
) -> Iterator[FoundVector]:
    if not isinstance(segments, list):
        raise unexpected(f"{place} segments".strip(), segments, "a list")
    if OF_LABELS not in document:
        yield from _rows(segments, video, place)
        return
    for number, each in enumerate(segments, 1):
        where = f"{place} segment {number}".strip()
        if not isinstance(each, Mapping) or "start" not in each:
            raise unexpected(where, each, "{start, end, speaker}")
    vectors = _of_labels(document[OF_LABELS], segments)
    for number, each in enumerate(segments, 1):
        vector = _vector(each, f"{place} segment {number}".strip())
        embedding = None if vector.label is None else vectors.get(vector.label)
        yield FoundVector(video, vector._replace(embedding=embedding))


def _of_labels(found: Any, segments: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The vector of each label."""
    if isinstance(found, Mapping):
        return found
    if not isinstance(found, list):
        raise unexpected(OF_LABELS, found, "a vector for each label")
    labels = sorted({label for each in segments if (label := _label(each)) is not None})
    if len(labels) != len(found):
        raise FormatError(
            f"{OF_LABELS} has {len(found):,} vectors, and the segments have {len(labels):,} labels"
        )
    return dict(zip(labels, found, strict=True))


def _vector(found: Mapping[str, Any], place: str) -> GivenVector:
    start, end = (_seconds(found, name, place) for name in ("start", "end"))
    return GivenVector(start, end, _first(found, EMBEDDING), _label(found), place)


def _seconds(found: Mapping[str, Any], name: str, place: str) -> float:
    number = found.get(name)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise unexpected(place, number, f"{name} in seconds")
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _label(found: Mapping[str, Any]) -> str | None:
    label = _first(found, LABEL)
    return None if label is None else str(label)


def _video(found: Mapping[str, Any], place: str) -> str | None:
    video = _first(found, VIDEO)
    if video is not None and not isinstance(video, str):
        raise unexpected(place, video, "the recording's key as text")
    return video


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)
