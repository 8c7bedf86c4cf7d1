"""``open_vectors``: the files of vectors at a path, by what they contain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.vectors.json_vectors import LINES, open_json
from pgvoice.hooks.vectors.numpy_vectors import open_npy, open_npz
from pgvoice.hooks.vectors.parquet_vectors import open_parquet
from pgvoice.hooks.vectors.vectors_file import VectorsFile

SUFFIXES = (".json", *LINES, ".npy", ".npz", ".parquet")


def open_vectors(path: Path, segments: Path | None = None) -> VectorsFile:
    """A file of vectors; `segments` has the times of an .npy file.

    Raises `FormatError`, `ExtraMissing` and `OSError`.
    """
    if "\0" in str(path):
        raise FormatError(f"{str(path)!r} is not a path: it contains a NUL")
    with path.open("rb") as file:
        beginning = file.read(8)
    if segments is not None and not beginning.startswith(b"\x93NUMPY"):
        raise FormatError(f"{path} has times of its own: leave {segments} out")
    if beginning.startswith(b"\x93NUMPY"):
        return open_npy(path, segments)
    if beginning.startswith(b"PK"):
        return open_npz(path)
    if beginning.startswith(b"PAR1"):
        return open_parquet(path)
    return open_json(path)


def files_in(path: Path) -> Iterator[Path]:
    """The path itself, or the files of vectors in a folder, by name.

    Leaves out segments that lie beside an array: talk.json beside talk.npy.
    """
    if not path.is_dir():
        yield path
        return
    files = [each for each in sorted(path.iterdir()) if each.suffix.lower() in SUFFIXES]
    arrays = {each.stem for each in files if each.suffix.lower() == ".npy"}
    found = [each for each in files if each.suffix.lower() == ".npy" or each.stem not in arrays]
    if not found:
        raise FormatError(f"{path} has no file of vectors: one that ends in {', '.join(SUFFIXES)}")
    yield from found
