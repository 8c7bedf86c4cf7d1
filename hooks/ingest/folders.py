"""Recordings in folders, with the segments that lie beside them: talk.mp3 and talk.rttm."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import load_document
from pgvoice.hooks.formats.reading import ANY_TEXT, registered_formats
from pgvoice.hooks.sources import SUFFIXES

#: Where a recording has several files of segments, the first of these is used, then any other:
#: WhisperX writes one transcript in five formats, and its JSON says the most.
PREFERRED = (".rttm", ".json")


class Found(NamedTuple):
    """A recording, perhaps with a file of segments."""

    #: The path within the folder without its suffix, with forward slashes.
    video: str
    #: Absolute paths.
    audio: Path
    segments: Path | None


class Folder(NamedTuple):
    """The recordings of a folder and of the folders within, by path; links are not followed."""

    recordings: list[Found]
    #: Segments without audio, and names that several audio files share.
    left_out: list[str]

    @classmethod
    def of(cls, path: Path) -> Folder:
        """Look through a folder; hidden files and folders do not count."""
        found, root = cls([], []), path.resolve()
        suffixes = _suffixes()
        for files in _folders(root):
            _Listed(root, files, suffixes).add_to(found)
        return found


def of_file(path: Path) -> Found:
    """The recording in one file, with the segments beside it."""
    folder = path.parent.resolve()
    beside = [file for file in sorted(folder.iterdir()) if file.stem in (path.stem, path.name)]
    return _Listed(folder, beside, _suffixes()).found(path.stem, folder / path.name)


class _Listed:
    """The files of one folder, by what they are."""

    def __init__(self, root: Path, files: list[Path], suffixes: list[str]) -> None:
        self._root, self._suffixes = root, suffixes
        self._audio: defaultdict[str, list[Path]] = defaultdict(list)
        self._segments: defaultdict[str, list[Path]] = defaultdict(list)
        for file in files:
            if file.suffix.lower() in SUFFIXES:
                self._audio[file.stem].append(file)
            elif file.suffix.lower() in suffixes:
                self._segments[file.stem].append(file)

    def add_to(self, found: Folder) -> None:
        for stem, audio in self._audio.items():
            if len(audio) > 1:
                shown = ", ".join(map(self._name, audio))
                found.left_out.append(f"{shown}: several audio files with one name")
            else:
                found.recordings.append(self.found(stem, *audio))
        used = {name for stem, audio in self._audio.items() for name in _names(stem, *audio)}
        for stem, files in self._segments.items():
            if stem not in used:
                found.left_out.extend(f"{self._name(file)}: no audio beside it" for file in files)

    def found(self, stem: str, audio: Path) -> Found:
        """An audio file with the best of the segments beside it."""
        named = [file for name in _names(stem, audio) for file in self._segments.get(name, ())]
        beside = filter(_may_be_segments, sorted(named, key=self._rank))
        video = audio.relative_to(self._root).with_suffix("").as_posix()
        return Found(video, audio, next(beside, None))

    def _name(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix()

    def _rank(self, file: Path) -> int:
        return self._suffixes.index(file.suffix.lower())


def _names(stem: str, *audio: Path) -> list[str]:
    """Stems of segments; whisper.cpp calls those of talk.mp3 talk.mp3.json."""
    return [stem, *(file.name for file in audio)]


def _may_be_segments(file: Path) -> bool:
    """Whether this is no text of another kind, such as notes about a recording."""
    if file.suffix.lower() != ANY_TEXT:
        return True
    try:
        text = load_document(str(file)).text
    except FormatError:
        return False
    return any(each.matches(text) for each in registered_formats().values())


def _suffixes() -> list[str]:
    """The suffixes of segments, the preferred ones first."""
    known = [suffix for each in registered_formats().values() for suffix in each.suffixes]
    return list(dict.fromkeys([*PREFERRED, *known]))


def _folders(root: Path) -> Iterator[list[Path]]:
    """The files of each folder, both in order of their names."""
    for folder, inside, files in os.walk(root):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        yield [Path(folder, name) for name in sorted(files) if not name.startswith(".")]
