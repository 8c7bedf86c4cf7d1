"""``Folder``: recordings that lie beside their segments, such as talk.mp3 and talk.rttm."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.formats.reading import registered_formats
from pgvoice.hooks.sources import SUFFIXES

#: Where a recording has several files of segments, the first of these is used, then any other:
#: WhisperX writes one transcript in five formats, and its JSON says the most.
PREFERRED = (".rttm", ".json")


class Pair(NamedTuple):
    """A recording with its segments."""

    #: The path within the folder without its suffix, with forward slashes.
    video: str
    audio: Path
    segments: Path


class Folder(NamedTuple):
    """The recordings of a folder and of the folders within, by path; links are not followed."""

    pairs: list[Pair]
    #: Audio without segments, segments without audio, and names that several audio files share.
    left_out: list[str]

    @classmethod
    def of(cls, path: Path) -> Folder:
        """Look through a folder; hidden files and folders do not count."""
        found = cls([], [])
        suffixes = _suffixes()
        for files in _folders(path):
            _Listed(path, files, suffixes).add_to(found)
        return found


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
        used = set[str]()
        for stem, audio in self._audio.items():
            # whisper.cpp calls the segments of talk.mp3 talk.mp3.json.
            names = [stem, *(file.name for file in audio)]
            used.update(names)
            beside = [file for name in names for file in self._segments.get(name, ())]
            shown = ", ".join(self._name(file) for file in audio)
            if len(audio) > 1:
                found.left_out.append(f"{shown}: several audio files with one name")
            elif not beside:
                found.left_out.append(f"{shown}: no segments beside it")
            else:
                best = min(beside, key=self._rank)
                video = audio[0].relative_to(self._root).with_suffix("").as_posix()
                found.pairs.append(Pair(video, audio[0], best))
        for stem, files in self._segments.items():
            if stem not in used:
                found.left_out.extend(f"{self._name(file)}: no audio beside it" for file in files)

    def _name(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix()

    def _rank(self, file: Path) -> int:
        return self._suffixes.index(file.suffix.lower())


def _suffixes() -> list[str]:
    """The suffixes of segments, the preferred ones first."""
    known = [suffix for each in registered_formats().values() for suffix in each.suffixes]
    return list(dict.fromkeys([*PREFERRED, *known]))


def _folders(root: Path) -> Iterator[list[Path]]:
    """The files of each folder, both in order of their names."""
    for folder, inside, files in os.walk(root):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        yield [Path(folder, name) for name in sorted(files) if not name.startswith(".")]
