"""Vectors in numpy's files: an array (.npy) with segments beside it, or several arrays (.npz)."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.reading import read_document, registered_formats
from pgvoice.hooks.vectors.vectors_file import (
    ENCODER,
    OF_LABELS,
    VIDEO,
    FoundVector,
    VectorsFile,
    is_per_label,
)
from pgvoice.store.encoders.given_vectors import GivenVector
from pgvoice.store.turns import Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Array = Any
#: The names of the arrays in .npz.
_EMBEDDINGS = ("embeddings", "embedding", "vectors", OF_LABELS)
_STARTS, _ENDS = ("start", "starts"), ("end", "ends")
_SPANS = ("spans", "segments", "times")
_LABELS = ("speaker", "speakers", "label", "labels")
_VIDEOS = (*VIDEO, "videos")
#: What numpy raises for what is no array, or too large a one.
_UNREADABLE = (ValueError, EOFError, OSError, MemoryError, zipfile.BadZipFile, zlib.error, KeyError,
               NotImplementedError, OverflowError)  # fmt: skip


def open_npy(path: Path, segments: Path | None) -> VectorsFile:
    """``(N, D)`` with as many segments beside it, or as many labels. Raises `FormatError`."""
    import numpy as np

    turns = _turns(path, segments)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        raise FormatError(f"{path} is no array of numbers: {error}") from None
    _require_matrix(array, path.name)
    labels = sorted({turn.label for turn in turns if turn.label is not None})
    per_label = len(array) != len(turns)
    if per_label and len(array) != len(labels):
        raise FormatError(
            f"{path.name} has {len(array):,} vectors, and the segments beside it are"
            f" {len(turns):,} with {len(labels):,} labels: one of the two must be as many"
        )
    if len(array) == len(turns) == len(labels) and labels != [turn.label for turn in turns]:
        raise FormatError(
            f"{path.name} has as many vectors as there are segments and labels: write them in the"
            " order of both, or as JSON with a vector in each segment"
        )
    shared = labels if per_label else None
    return VectorsFile(path, per_label, len(turns), lambda: _rows(array, turns, shared, None))


def open_npz(path: Path) -> VectorsFile:
    """Arrays by name: embeddings, start and end or spans, speaker, video."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        raise FormatError(f"{path} is no archive of arrays of numbers: {error}") from None
    embeddings = _array(arrays, _EMBEDDINGS, path)
    _require_matrix(embeddings, "embeddings")
    turns = _turns_of(arrays, path)
    videos = _texts(arrays, _VIDEOS, len(turns))
    labels = None
    if OF_LABELS in arrays:
        labels = sorted({turn.label for turn in turns if turn.label is not None})
    if len(embeddings) != len(turns if labels is None else labels):
        expected = f"{len(turns):,} segments" if labels is None else f"{len(labels):,} labels"
        raise FormatError(f"{len(embeddings):,} vectors, and {expected}: one each is needed")
    encoder = str(arrays[ENCODER]) if ENCODER in arrays else None
    return VectorsFile(
        path,
        labels is not None or is_per_label(encoder),
        len(turns),
        lambda: _rows(embeddings, turns, labels, videos),
    )


def _turns(path: Path, segments: Path | None) -> list[Turn]:
    beside = segments or _beside(path)
    if beside is None:
        raise FormatError(
            f"{path.name} has vectors and no times: put a file of segments beside it, such as"
            f" {path.stem}.rttm, or name one (--segments)"
        )
    return list(read_document(beside).segments)


def _beside(path: Path) -> Path | None:
    """The file of segments with the same name and another suffix."""
    suffixes = [each for known in registered_formats().values() for each in known.suffixes]
    found = (path.with_suffix(suffix) for suffix in (".rttm", ".json", *suffixes))
    return next((each for each in found if each.is_file()), None)


def _turns_of(arrays: dict[str, Array], path: Path) -> list[Turn]:
    import numpy as np

    spans = next((arrays[name] for name in _SPANS if name in arrays), None)
    if spans is None:
        starts, ends = (_array(arrays, names, path) for names in (_STARTS, _ENDS))
    else:
        if spans.ndim != 2 or spans.shape[1] != 2:
            raise FormatError(f"spans have the shape {spans.shape}, expected (segments, 2)")
        starts, ends = spans[:, 0], spans[:, 1]
    if starts.ndim != 1 or starts.shape != ends.shape:
        raise FormatError(f"{len(starts):,} starts and {len(ends):,} ends: one each is needed")
    for times in (starts, ends):
        if not np.issubdtype(times.dtype, np.number):
            raise FormatError(f"times are of the type {times.dtype}, expected seconds")
    labels = _texts(arrays, _LABELS, len(starts)) or [None] * len(starts)
    return [
        Turn(float(start), float(end), label)
        for start, end, label in zip(starts, ends, labels, strict=True)
    ]


def _texts(arrays: dict[str, Array], names: Sequence[str], count: int) -> list[str | None] | None:
    """A text for each segment, or one for all; empty ones are None."""
    found = next((arrays[name] for name in names if name in arrays), None)
    if found is None:
        return None
    if found.ndim == 0:
        return [str(found) or None] * count
    if found.shape != (count,):
        raise FormatError(f"{names[0]} has the shape {found.shape}, expected ({count},)")
    return [str(each) or None for each in found]


def _array(arrays: dict[str, Array], names: Sequence[str], path: Path) -> NDArray[np.generic]:
    for name in names:
        if name in arrays:
            found: NDArray[np.generic] = arrays[name]
            return found
    there = ", ".join(sorted(arrays)) or "nothing"
    raise FormatError(f"{path.name} has no array {names[0]!r}; there is: {there}")


def _require_matrix(array: Array, name: str) -> None:
    import numpy as np

    if array.ndim != 2 or not np.issubdtype(array.dtype, np.number):
        raise FormatError(
            f"{name} has the shape {array.shape} and the type {array.dtype}, expected (segments,"
            " dimension) of numbers"
        )


def _rows(
    array: Array,
    turns: Sequence[Turn],
    labels: Sequence[str] | None,
    videos: Sequence[str | None] | None,
) -> Iterator[FoundVector]:
    """A row per segment; with `labels`, the vectors are theirs."""
    places = {} if labels is None else {label: place for place, label in enumerate(labels)}
    for number, turn in enumerate(turns):
        place = number if labels is None else places.get(turn.label or "")
        embedding = None if place is None else array[place]
        vector = GivenVector(turn.start, turn.end, embedding, turn.label, f"row {number + 1}")
        yield FoundVector(videos[number] if videos else None, vector)
