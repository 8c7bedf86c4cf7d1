"""Files that say who speaks when, in one or several recordings, and the videos they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError, NotEvaluable
from pgvoice.hooks.formats.reading import read_recordings, read_segments
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

_Recording = tuple[str, list[Turn]]
#: How many recordings a message names.
_NAMED = 5


class ReferenceFile(NamedTuple):
    """A file and its video; None stands for every recording that the file names."""

    path: str
    video: str | None = None


@dataclass(frozen=True, slots=True)
class References:
    """Who speaks when, by video, and what was left out."""

    turns: dict[str, list[Turn]]
    #: One sentence per file that names recordings which the store lacks.
    left_out: tuple[str, ...]


def read_references(store: VoiceStore, files: Iterable[ReferenceFile]) -> References:
    """The turns of those recordings in the files that the store has.

    A file may have underscores instead of the blanks in a key, as RTTM requires. Raises
    `FormatError`, and `NotEvaluable` if a file has no stored video, or two files have the same.
    """
    turns: dict[str, list[Turn]] = {}
    left_out = []
    for file in files:
        found, others = _read(store, file)
        for video, segments in found:
            if video in turns:
                raise NotEvaluable(f"{video!r} is given twice: remove it from {file.path}")
            turns[video] = _turns(segments)
        left_out += [_not_stored(file.path, others)] if others else []
    return References(turns, tuple(left_out))


def _read(store: VoiceStore, file: ReferenceFile) -> tuple[list[_Recording], list[str]]:
    if file.video is not None:
        return [(file.video, _segments(file.path, file.video))], []
    recordings = read_recordings(file.path)
    if recordings is None:
        raise NotEvaluable(f"{file.path} does not name its recording: give VIDEO={file.path}")
    stored = store.recordings.stored(recordings)
    others = [name for name in recordings if name not in stored]
    if not stored:
        raise NotEvaluable(_not_stored(file.path, others))
    return [(video, recordings[name]) for name, video in stored.items()], others


def _segments(path: str, video: str) -> list[Turn]:
    try:
        return read_segments(path)
    except FormatError:
        turns = (read_recordings(path) or {}).get(video)
        if turns is None:
            raise
        return turns


def _turns(segments: Iterable[Turn]) -> list[Turn]:
    return [Turn(segment.start, segment.end, segment.label) for segment in segments]


def _not_stored(path: str, names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED]))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (
        f"{path} names recordings that are not in the store ({shown}{more}): fill them"
        " (`pgvoice fill`), or give VIDEO=FILE if the store has one under another name"
    )
