"""Files that say who speaks when, of one recording or of several, and which videos they mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError, NotEvaluable
from pgvoice.hooks.formats.by_recording import read_recordings
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

_Recording = tuple[str, list[Turn]]
#: How many recordings a message names.
_NAMED = 5


class ReferenceFile(NamedTuple):
    """A file, and the video that it is of; None is for every recording that it names."""

    path: str
    video: str | None = None


@dataclass(frozen=True, slots=True)
class References:
    """Who speaks when, by video, and what else the files have."""

    turns: dict[str, list[Turn]]
    #: One sentence per file that names recordings which are not in the store.
    left_out: tuple[str, ...]


def read_references(store: VoiceStore, files: Iterable[ReferenceFile]) -> References:
    """The turns of the files' recordings, as far as they are in the store.

    A file may write underscores for a key's blanks, as RTTM needs. Raises `FormatError`, and
    `NotEvaluable` where a file says nothing of any stored video, or two of the same one.
    """
    turns: dict[str, list[Turn]] = {}
    left_out = []
    for file in files:
        found, others = _read(store, file)
        for video, segments in found:
            if video in turns:
                raise NotEvaluable(f"{video!r} is given twice: leave it out of {file.path}")
            turns[video] = _turns(segments)
        left_out += [_not_stored(file.path, others)] if others else []
    return References(turns, tuple(left_out))


def _read(store: VoiceStore, file: ReferenceFile) -> tuple[list[_Recording], list[str]]:
    if file.video is not None:
        return [(file.video, _segments(file.path, file.video))], []
    recordings = read_recordings(file.path)
    if recordings is None:
        raise NotEvaluable(
            f"{file.path} does not say which recording it is of: give VIDEO={file.path}"
        )
    stored = store.recordings.stored(recordings)
    others = [name for name in recordings if name not in stored]
    if not stored:
        raise NotEvaluable(_not_stored(file.path, others))
    return [(video, recordings[name]) for name, video in stored.items()], others


def _segments(path: str, video: str) -> list[Turn]:
    try:
        return read_segments(path)
    except FormatError:
        of_it = (read_recordings(path) or {}).get(video)
        if of_it is None:
            raise
        return of_it


def _turns(segments: Iterable[Turn]) -> list[Turn]:
    return [Turn(segment.start, segment.end, segment.label) for segment in segments]


def _not_stored(path: str, names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED]))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (
        f"{path} names recordings that are not in the store ({shown}{more}): `pgvoice fill` stores"
        " one, and VIDEO=FILE says what another is called in the store"
    )
