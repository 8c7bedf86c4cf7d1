"""``Given``: the recordings of several paths: files, folders and manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.reading import registered_formats
from pgvoice.hooks.ingest.folders import Folder, of_file
from pgvoice.hooks.ingest.manifest import Manifest, ManifestRow, is_manifest, row_of_files
from pgvoice.hooks.sources import SUFFIXES
from pgvoice.store.names import checked


@dataclass(frozen=True, slots=True)
class Given:
    """The recordings of these paths, each of another kind, looked up at each iteration.

    A recording is called by its path within the folder, without suffix; one that is given by itself
    by its name, or `video`. Raises `FormatError` for a path that has none, for a row of a manifest
    that is wrong, and for recordings of two paths that would have one key.
    """

    paths: Sequence[Path]
    video: str | None = None

    def __iter__(self) -> Iterator[ManifestRow]:
        several = len(self.paths) > 1
        return self._once_each() if several else iter(self.of(*self.paths))

    def of(self, path: Path) -> Iterable[ManifestRow]:
        """The recordings of one of the paths. Raises `FormatError` for one that has none."""
        if path.is_dir():
            if rows := rows_of_folder(Folder.of(path)):
                return rows
            raise FormatError(
                f"{path} has no recordings: files whose names end in {', '.join(SUFFIXES[:4])} or"
                " the like"
            )
        return Manifest(path) if is_manifest(path) else [self._of_file(path)]

    @property
    def name(self) -> str:
        """What the first path is called."""
        first = self.paths[0]
        return first.resolve().name if first.is_dir() else first.stem

    @property
    def is_one(self) -> bool:
        """Whether this is a single recording."""
        return len(self.paths) == 1 and not (self.paths[0].is_dir() or is_manifest(self.paths[0]))

    def left_out(self) -> list[str]:
        """The files of folders that belong to no recording, each with the reason."""
        return [each for path in self.paths if path.is_dir() for each in Folder.of(path).left_out]

    def _of_file(self, path: Path) -> ManifestRow:
        if path.suffix.lower() not in SUFFIXES and path.suffix.lower() in _suffixes_of_segments():
            raise FormatError(
                f"{path} says who speaks, and is no recording: give the recording, and it is found"
                " beside it"
            )
        row = row_of_files(of_file(path))
        if self.video is None:
            return row
        return replace(row, video=checked(self.video, "a video's key"))

    def _once_each(self) -> Iterator[ManifestRow]:
        found = dict[str, tuple[Path, ManifestRow]]()
        for path in self.paths:
            for row in self.of(path):
                owner, first = found.setdefault(row.video, (path, row))
                if owner is path:
                    yield row
                elif first != row:
                    raise FormatError(clash(first, row))


def clash(first: ManifestRow, second: ManifestRow) -> str:
    """What to say of two recordings that have one key."""
    named = [row.audio or "a recording without a file" for row in (first, second)]
    if first.audio == second.audio:
        named = [
            f"{name} with {row.source or 'no file of segments'}"
            for name, row in zip(named, (first, second), strict=True)
        ]
    return (
        f"{' and '.join(named)} would both be called {first.video!r}: give each a name of its own,"
        " with --video or in a manifest"
    )


def rows_of_folder(folder: Folder) -> list[ManifestRow]:
    """The recordings of a folder and of the folders within."""
    return [row_of_files(found) for found in folder.recordings]


def _suffixes_of_segments() -> set[str]:
    return {suffix for each in registered_formats().values() for suffix in each.suffixes}
