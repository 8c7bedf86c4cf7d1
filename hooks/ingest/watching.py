"""``watch``: ingests recordings as they arrive in folders and manifests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.audio.completeness import check_complete
from pgvoice.hooks.errors import AudioError, FormatError
from pgvoice.hooks.ingest.engine import Stop
from pgvoice.hooks.ingest.folders import Folder
from pgvoice.hooks.ingest.given import Given, clash, rows_of_folder
from pgvoice.hooks.ingest.manifest import ManifestRow, is_manifest
from pgvoice.hooks.ingest.running import Ingest
from pgvoice.store.errors import ConnectionLost, DatabaseUnreachable

#: A file that did not change for so many seconds was written to its end,
REST = 5.0
#: or if it is shorter than its header says, for so many.
PATIENCE = 600.0
#: What is wrong with a folder is told if it is wrong for so many seconds.
TOLD_AFTER = 60.0
#: Longest sleep in seconds, after which a stop is noticed.
NAP = 0.2

Clock = Callable[[], float]


class _Version(NamedTuple):
    """What changes with a file."""

    size: int
    mtime: float


class _Seen(NamedTuple):
    """Since when a file has its version."""

    version: _Version
    since: float


class Watched:
    """The recordings of paths that are new, or changed, since the last look."""

    def __init__(self, given: Given, clock: Clock = time.time) -> None:
        self._given, self._clock = given, clock
        self._files = dict[Path, _Seen]()
        #: By recording what was handed out: its row and the versions of its files.
        self._handed = dict[str, object]()
        #: The rows of manifests, as of their last version.
        self._manifests = dict[Path, tuple[_Version | None, list[ManifestRow]]]()
        #: Since when something is wrong; None once that was told.
        self._wrong = dict[str, float | None].fromkeys(given.left_out())

    def look(self) -> list[ManifestRow]:
        """Recordings that were not handed out as they are now, and whose files are complete."""
        return [row for row in self._rows() if self._is_new(row)]

    def forget(self, rows: list[ManifestRow]) -> None:
        """Hand these out again."""
        for row in rows:
            self._handed.pop(row.video, None)

    def problems(self) -> list[str]:
        """What has been wrong for some time, each told once."""
        now = self._clock()
        told = [
            each
            for each, since in self._wrong.items()
            if since is not None and now - since >= TOLD_AFTER
        ]
        self._wrong.update(dict.fromkeys(told))
        return told

    def _rows(self) -> Iterator[ManifestRow]:
        wrong, found = list[str](), dict[str, ManifestRow]()
        for path in self._given.paths:
            try:
                for row in self._of(path, wrong):
                    first = found.setdefault(row.video, row)
                    if first is row:
                        yield row
                    elif first != row:
                        wrong.append(clash(first, row))
            except FormatError as error:
                wrong.append(str(error))
        self._wrong = {each: self._wrong.get(each, self._clock()) for each in wrong}

    def _of(self, path: Path, wrong: list[str]) -> list[ManifestRow]:
        if path.is_dir():
            folder = Folder.of(path)
            wrong += folder.left_out
            return rows_of_folder(folder)
        if not is_manifest(path):
            return list(self._given.of(path))
        version = _version(path)
        read, rows = self._manifests.get(path, (None, []))
        if version != read and self._rests(path):
            rows = list(self._given.of(path))
            self._manifests[path] = version, rows
        return rows

    def _is_new(self, row: ManifestRow) -> bool:
        files = [Path(file) for file in (row.audio, row.source) if file is not None]
        now = row, *map(_version, files)
        if self._handed.get(row.video) == now or not all(map(self._rests, files)):
            return False
        self._handed[row.video] = now
        return True

    def _rests(self, path: Path) -> bool:
        """Whether nobody is writing the file; one that does not exist does not change either."""
        version, now = _version(path), self._clock()
        if version is None:
            return True
        seen = self._files.get(path)
        if seen is None:
            seen = _Seen(version, min(version.mtime, now))
        elif seen.version != version:
            seen = _Seen(version, now)
        self._files[path] = seen
        age = now - seen.since
        return age >= PATIENCE or (age >= REST and _is_whole(path, version))


def _version(path: Path) -> _Version | None:
    """None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _Version(status.st_size, status.st_mtime)


def _is_whole(path: Path, version: _Version) -> bool:
    """Whether a file is as long as it says; one of another kind than audio says nothing."""
    try:
        check_complete(path)
    except (AudioError, OSError):
        return False
    return version.size > 0


def watch(
    watched: Watched,
    ingest: Ingest,
    stop: Stop,
    every: float,
    *,
    tell: Callable[[str], None] = lambda _line: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ingest what is new every so many seconds until `stop` is true; `tell` what is wrong.

    If the database goes away, the recordings are ingested once it is back.
    """
    while not stop():
        rows = watched.look()
        for problem in watched.problems():
            tell(f"Warning: left out {problem}")
        if rows:
            try:
                ingest.run(rows)
            except (ConnectionLost, DatabaseUnreachable) as error:
                watched.forget(rows)
                tell(f"Warning: {error}")
        _rest(every, stop, sleep)


def _rest(seconds: float, stop: Stop, sleep: Callable[[float], None]) -> None:
    while seconds > 0 and not stop():
        sleep(min(NAP, seconds))
        seconds -= NAP
