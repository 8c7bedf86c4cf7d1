"""Manifests: lists of recordings with their audio and their segments."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.formats.reading import read_document
from pgvoice.store.names import checked, is_text

COLUMNS = ("video", "audio", "segments")
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A recording to fill."""

    video: str
    #: A file; if None, the audio sources find one.
    audio: str | None
    #: A file of segments, or the segments themselves as (start, end) in seconds.
    segments: str | tuple[Span, ...]

    def spans(self) -> list[Span]:
        """The segments; a file is read at each call. Raises `FormatError`."""
        if not isinstance(self.segments, str):
            return list(self.segments)
        try:
            document = read_document(self.segments, uri=None)
        except OSError as error:
            raise FormatError(f"{self.segments}: {error.strerror or error}") from error
        return [(each.start, each.end) for each in document.segments]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The rows of a CSV, JSON lines or Parquet file, chosen by its suffix; read at each iteration.

    Paths in it are relative to its folder. Raises `FormatError`, which names the row.
    """

    path: Path

    def __iter__(self) -> Iterator[ManifestRow]:
        path = self.path
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            raise FormatError(f"{path}: the name of a manifest must end in {', '.join(_READERS)}")
        try:
            for number, row in enumerate(reader(path), 1):
                yield _row(row, f"{path}, row {number}", path.parent)
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"{path} cannot be read: {error}") from error


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            yield from reader
        except csv.Error as error:
            raise FormatError(
                f"{path}, line {reader.reader.line_num}: {error}; segments that are too long for"
                " CSV can be in files of their own, or in a manifest of JSON lines"
            ) from error


def _json_lines(path: Path) -> Iterator[object]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _json(line, f"{path}, line {number}")


def _json(text: str, place: str) -> object:
    try:
        return parse_json(text)
    except FormatError as error:
        raise FormatError(f"{place}: not valid JSON ({error})") from error


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise FormatError(f"{path}: Parquet needs `pip install pyarrow`") from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=list(COLUMNS)):
                yield from batch.to_pylist()
    except ArrowException as error:
        raise FormatError(f"{path} is not a readable Parquet file: {error}") from error


def _row(row: object, place: str, folder: Path) -> ManifestRow:
    if not isinstance(row, Mapping) or not isinstance(row.get("video"), str) or not row["video"]:
        raise FormatError(f"{place}: no text under 'video'; the columns are {', '.join(COLUMNS)}")
    try:
        video = checked(row["video"], "a video's key")
    except ValueError as error:
        raise FormatError(f"{place}: {error}") from error
    audio, segments = row.get("audio") or None, row.get("segments")
    if isinstance(segments, str) and segments.lstrip().startswith("["):
        segments = _json(segments, f"{place}, segments")
    found = None if audio is None else _file(audio, f"{place}, audio", folder)
    if isinstance(segments, str) and segments:
        return ManifestRow(video, found, _file(segments, f"{place}, segments", folder))
    spans = tuple(_span(each, place) for each in _listed(segments, place))
    if not spans:
        raise FormatError(f"{place}: no segments for {video!r}")
    return ManifestRow(video, found, spans)


def _listed(segments: object, place: str) -> Sequence[object]:
    if segments is None or isinstance(segments, list | tuple):
        return segments or ()
    raise unexpected(place, segments, _SEGMENTS)


def _span(given: object, place: str) -> Span:
    """Start and end in seconds; they must be finite, because the store keeps them as JSON."""
    try:
        if isinstance(given, list | tuple):
            start, end = map(float, given)
            if math.isfinite(start) and math.isfinite(end):
                return start, end
    except (TypeError, ValueError, OverflowError):
        pass
    raise unexpected(place, given, _SEGMENTS)


def _file(given: object, place: str, folder: Path) -> str:
    try:
        if isinstance(given, str) and is_text(given):
            return str((folder / given).resolve())
    except (OSError, RuntimeError):  # a loop of links
        pass
    raise unexpected(place, given, "a file")


_SEGMENTS = "segments as a file or as a list of [start, end] in seconds"
_READERS: dict[str, Callable[[Path], Iterator[object]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
