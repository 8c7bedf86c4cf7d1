"""``import_vectors``: the vectors of files, stored under the identity of the engine they are of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.vectors.opening import files_in, open_vectors
from pgvoice.hooks.vectors.vectors_file import FoundVector, VectorsFile
from pgvoice.store.encoders.given_vectors import GivenVector, measured
from pgvoice.store.encoders.importing import ImportedEncoder, VectorsImport, VectorsImported
from pgvoice.store.errors import VectorsRefused
from pgvoice.store.names import checked
from pgvoice.store.recordings.encoders import Threshold
from pgvoice.store.voice_store import VoiceStore

#: Called with the number of segments that are done, and of all as far as they are known.
Progress = Callable[[int, int], None]
#: Segments that are in memory at once, unless one recording has more.
WINDOW = 20_000


def import_vectors(
    store: VoiceStore,
    paths: Sequence[Path],
    encoder: ImportedEncoder,
    *,
    video: str | None = None,
    segments: Path | None = None,
    threshold: Threshold | None = None,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[VectorsImported]:
    """Import the vectors of files and folders under one encoder; returns a result by recording.

    A file that does not name its recordings is of `video`, or of a recording called like the file.
    `segments` has the times of an .npy file. Files with one vector per label, as WhisperX writes
    them, are recognized. Each file is checked as a whole before anything of it is stored; its
    recordings are stored one after the other. Raises `FormatError`, `VectorsRefused`,
    `ExtraMissing` and `OSError`.
    """
    files = [_opened(file, segments) for path in paths for file in files_in(path)]
    if len(files) > 1 and (video or segments):
        raise FormatError(f"{len(files)} files: --video and --segments are for one file")
    shared = [file for file in files if encoder.per_label or file.per_label]
    if shared and len(shared) < len(files):
        other = next(file for file in files if not file.per_label)
        raise FormatError(
            f"{shared[0].path} has a vector per label, and {other.path} one per segment: import"
            " them one after the other"
        )
    kind = dataclasses.replace(encoder, per_label=bool(shared))
    return _Importing(store, kind, video, threshold, replace, dry_run, progress).run(files)


@dataclass
class _Importing:
    """One import of several files, under one encoder."""

    store: VoiceStore
    encoder: ImportedEncoder
    video: str | None
    threshold: Threshold | None
    replace: bool
    dry_run: bool
    progress: Progress | None
    #: By recording, what was stored.
    imported: dict[str, VectorsImported] = field(default_factory=dict)

    def run(self, files: Sequence[VectorsFile]) -> list[VectorsImported]:
        """Check each file, and store its recordings, in a transaction each."""
        done, total = 0, sum(file.total or 0 for file in files)
        for file in files:
            with _named(file.path):
                self._check(file)
                for video, vectors in self._parts(file):
                    self._store(video, vectors, _source(file))
                    done += len(vectors)
                    if self.progress:
                        self.progress(done, max(done, total))
        return list(self.imported.values())

    def _check(self, file: VectorsFile) -> None:
        """Read the whole file, and raise what is wrong with it."""
        dimensions: dict[int, str] = {}
        found = 0
        for video, vectors in self._parts(file):
            _checked_key(video, vectors)
            with_vector = [each for each in vectors if each.embedding is not None]
            found += len(with_vector)
            measured(vectors, self.store.grid_ms, per_label=self.encoder.per_label)
            for each in with_vector[:1]:
                dimensions.setdefault(len(each.embedding), str(each))
        if not found:
            raise FormatError("it has no vectors: expected segments with an embedding")
        if len(dimensions) > 1:
            (length, one), (other, two), *_ = dimensions.items()
            raise VectorsRefused(f"{one} has {length:,} numbers, and {two} has {other:,}")

    def _parts(self, file: VectorsFile) -> Iterator[tuple[str, list[GivenVector]]]:
        """The segments by recording. One that takes turns with others comes in several parts."""
        waiting: dict[str, list[GivenVector]] = {}
        several, count = False, 0
        for found in file.read():
            key = self._key(file, found)
            waiting.setdefault(key, []).append(found.vector)
            several, count = several or len(waiting) > 1, count + 1
            if self.video is not None and several:
                raise FormatError("it names several recordings: leave --video out")
            if count >= WINDOW:
                for each in [each for each in waiting if each != key] or [key]:
                    yield each, waiting.pop(each)
                count = sum(map(len, waiting.values()))
        yield from waiting.items()

    def _key(self, file: VectorsFile, found: FoundVector) -> str:
        return found.video or self.video or file.path.stem

    def _store(self, video: str, vectors: list[GivenVector], source: str) -> None:
        before = self.imported.get(video)
        if before is not None and not any(each.embedding is not None for each in vectors):
            return
        given = VectorsImport(
            video,
            self.encoder,
            vectors,
            source,
            threshold=self.threshold,
            replace=self.replace and before is None,
            continued=before is not None and before.turns > 0,
        )
        done = self.store.encoders.import_vectors(given, dry_run=self.dry_run)
        self.imported[video] = done if before is None else _together(before, done)


def _opened(path: Path, segments: Path | None) -> VectorsFile:
    with _named(path):
        return open_vectors(path, segments)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except (VectorsRefused, FormatError) as error:
        message = str(error)
        is_named = message.startswith((str(path), path.name))
        raise type(error)(message if is_named else f"{path}: {message}") from error


def _checked_key(video: str, vectors: Sequence[GivenVector]) -> None:
    try:
        checked(video, "a video's key")
    except ValueError as error:
        raise FormatError(f"{vectors[0].place}: {error}") from None


def _source(file: VectorsFile) -> str:
    with file.path.open("rb") as stream:
        return f"{file.path} sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _together(one: VectorsImported, other: VectorsImported) -> VectorsImported:
    return dataclasses.replace(
        one,
        requested=one.requested + other.requested,
        hits=one.hits + other.hits,
        added=one.added + other.added,
        skipped=dict(Counter(one.skipped) + Counter(other.skipped)),
        turns=one.turns + other.turns,
        besides_turns=one.besides_turns + other.besides_turns,
    )
