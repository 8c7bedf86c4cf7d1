"""Manifests: lists of recordings with their audio and their segments."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.reading import read_document

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
        yield from csv.DictReader(file)


def _json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise FormatError(f"{path}, line {number}: {error}") from error


def _parquet(path: Path) -> Iterable[Mapping[str, Any]]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise FormatError(f"{path}: Parquet needs `pip install pyarrow`") from error
    for batch in parquet.ParquetFile(path).iter_batches(columns=list(COLUMNS)):
        yield from batch.to_pylist()


def _row(row: Mapping[str, Any], place: str, folder: Path) -> ManifestRow:
    if not isinstance(row, Mapping) or not isinstance(row.get("video"), str) or not row["video"]:
        raise FormatError(f"{place}: no text under 'video'; the columns are {', '.join(COLUMNS)}")
    audio, segments = row.get("audio") or None, row.get("segments")
    if isinstance(segments, str) and segments.lstrip().startswith("["):
        try:
            segments = json.loads(segments)
        except ValueError as error:
            raise FormatError(f"{place}: the segments are not valid JSON: {error}") from error
    if isinstance(segments, str) and segments:
        return ManifestRow(row["video"], _found(audio, folder), str(_found(segments, folder)))
    try:
        spans = tuple((float(start), float(end)) for start, end in segments or ())
    except (TypeError, ValueError) as error:
        raise FormatError(
            f"{place}: segments must be a file or a list of [start, end] in seconds"
        ) from error
    if not spans:
        raise FormatError(f"{place}: no segments for {row['video']!r}")
    return ManifestRow(row["video"], _found(audio, folder), spans)


def _found(audio: object, folder: Path) -> str | None:
    return None if audio is None else str((folder / str(audio)).resolve())


_READERS = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
