"""Manifests: lists of recordings with their audio and perhaps their segments."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import shown, unexpected
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.ingest.folders import Found
from pgvoice.hooks.ingest.segment_files import read_part
from pgvoice.hooks.turns import as_turns
from pgvoice.store.names import checked, is_text
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.turns import Turn

COLUMNS = ("video", "audio", "segments", "uri")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A recording to fill."""

    video: str
    #: A file; if None, the audio sources find one.
    audio: str | None
    #: A file of segments, or the segments themselves in any shape that `as_turns` accepts; if None,
    #: they are found in the audio.
    segments: str | tuple[Any, ...] | None = None
    #: The recording's name in a file that covers several; if None, it is `video`.
    uri: str | None = None
    #: Fill what this encoder has rows of: the stored turns, or without them its segments. They stay
    #: as they are, and `audio` is where the recording was read from last.
    like: EncoderIdentity | None = None

    @property
    def needs_segmenter(self) -> bool:
        """Whether its segments are found in the audio."""
        return self.segments is None and self.like is None

    @property
    def source(self) -> str | None:
        """The file of segments, if there is one."""
        return self.segments if isinstance(self.segments, str) else None

    def turns(self) -> list[Turn] | None:
        """The segments, if there are any; a file is read unless it was the last one.

        Raises `FormatError`.
        """
        if self.segments is None:
            return None
        if isinstance(self.segments, str):
            return read_part(self.segments, self.uri, self.video)
        return as_turns(self.segments)

    def document(self) -> dict[str, object]:
        """The row as JSON, which a manifest may contain; without what was said.

        A time that is not finite is null.
        """
        segments: object = self.segments
        if not isinstance(segments, str):
            turns = self.turns()
            segments = turns and [_plain(turn) for turn in turns]
        row = {"video": self.video, "audio": self.audio, "segments": segments, "uri": self.uri}
        return {column: value for column, value in row.items() if value is not None}


def _plain(turn: Turn) -> object:
    start, end = (time if math.isfinite(time) else None for time in (turn.start, turn.end))
    if turn.label is None:
        return [start, end]
    return {"start": start, "end": end, "speaker": turn.label}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The rows of a CSV, JSON lines or Parquet file; read at each iteration.

    Paths in it are relative to its folder. Raises `FormatError`, which names the row.
    """

    path: Path

    def __iter__(self) -> Iterator[ManifestRow]:
        path = self.path
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            raise FormatError(f"{path}: the name of a manifest ends in {', '.join(_READERS)}")
        try:
            for number, row in enumerate(reader(path), 1):
                yield _row(row, f"{path}, row {number}", path.parent)
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"{path} cannot be read: {error}") from error


def is_manifest(path: Path) -> bool:
    """Whether this is a manifest by its name."""
    return path.suffix.lower() in _READERS


def row_of_files(found: Found) -> ManifestRow:
    """The row of a recording in a folder. Raises `FormatError` for a name that none can have."""
    place, segments = str(found.audio), found.segments
    for path in filter(None, (found.audio, segments)):
        if not is_text(str(path)):
            raise unexpected(place, str(path), "a file")
    return ManifestRow(_key(found.video, place), place, None if segments is None else str(segments))


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            _check_columns(reader.fieldnames or (), str(path))
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
            _check_columns(file.schema_arrow.names, str(path))
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except ArrowException as error:
        raise FormatError(f"{path} is not a readable Parquet file: {error}") from error


def _check_columns(found: Collection[object], place: str) -> None:
    """Raise `FormatError` for a column that is unknown, or there twice."""
    columns = list(found)
    for column in columns:
        if column not in COLUMNS:
            raise FormatError(
                f"{place}: unknown column {shown(column)}; the columns are {', '.join(COLUMNS)}"
            )
        if columns.count(column) > 1:
            raise FormatError(f"{place}: the column {column!r} is there twice")


def _row(row: object, place: str, folder: Path) -> ManifestRow:
    if isinstance(row, Mapping):
        if None in row:
            raise unexpected(place, row[None], "no more values than the first line has columns")
        _check_columns(row, place)
    if not isinstance(row, Mapping) or not isinstance(row.get("video"), str) or not row["video"]:
        raise FormatError(f"{place}: no text under 'video'; the columns are {', '.join(COLUMNS)}")
    video = _key(row["video"], place)
    audio, segments = row.get("audio") or None, row.get("segments")
    uri = _text(row.get("uri") or None, f"{place}, uri")
    if isinstance(segments, str) and segments.lstrip().startswith("["):
        segments = _json(segments, f"{place}, segments")
    found = None if audio is None else _file(audio, f"{place}, audio", folder)
    if isinstance(segments, str) and segments:
        return ManifestRow(video, found, _file(segments, f"{place}, segments", folder), uri)
    turns = tuple(_turn(each, place) for each in _listed(segments, place))
    return ManifestRow(video, found, turns or None, uri)


def _key(video: str, place: str) -> str:
    try:
        return checked(video, "a video's key")
    except ValueError as error:
        raise FormatError(f"{place}: {error}") from error


def _listed(segments: object, place: str) -> Sequence[object]:
    if segments is None or segments == "" or isinstance(segments, list | tuple):
        return segments or ()
    raise unexpected(place, segments, _SEGMENTS)


def _turn(given: object, place: str) -> Turn:
    """``[start, end]``, or an object with start and end, and perhaps speaker and text."""
    try:
        if isinstance(given, list | tuple):
            start, end = map(_time, given)
            return Turn(start, end)
        if isinstance(given, Mapping):
            label = given.get("speaker") if given.get("speaker") is not None else given.get("label")
            label = str(label) if type(label) is int else label
            return Turn(
                _time(given["start"]),
                _time(given["end"]),
                _text(label, place),
                _text(given.get("text"), place),
            )
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise unexpected(place, given, _SEGMENTS)


def _time(given: Any) -> float:
    """Seconds; null, which JSON has for a time that is not finite, becomes NaN."""
    return math.nan if given is None else float(given)


def _text(given: object, place: str) -> str | None:
    if given is None or (isinstance(given, str) and is_text(given)):
        return given
    raise unexpected(place, given, "text")


def _file(given: object, place: str, folder: Path) -> str:
    try:
        if isinstance(given, str) and is_text(given):
            return str((folder / given).resolve())
    except (OSError, RuntimeError):  # a loop of links
        pass
    raise unexpected(place, given, "a file")


_SEGMENTS = "segments as a file or as a list of [start, end], or of objects with start and end"
_READERS: dict[str, Callable[[Path], Iterator[object]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
