"""Vectors in Parquet: columns video, start, end, speaker and embedding, a list of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pgvoice.hooks.errors import ExtraMissing, FormatError, needs_extra
from pgvoice.hooks.vectors.vectors_file import (
    EMBEDDING,
    ENCODER,
    END,
    LABEL,
    START,
    VIDEO,
    FoundVector,
    VectorsFile,
    is_per_label,
)
from pgvoice.store.encoders.given_vectors import GivenVector

EXTRA = "parquet"
#: Rows that are in memory at once.
BATCH = 4096


def open_parquet(path: Path) -> VectorsFile:
    """Reads in batches, so that files of any length fit. Raises `FormatError`, `ExtraMissing`."""
    with needs_extra(EXTRA, ExtraMissing):
        import pyarrow as pa
        import pyarrow.parquet as pq
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            total, names = file.metadata.num_rows, set(file.schema_arrow.names)
            first = (
                next(file.iter_batches(1, columns=[ENCODER]), None) if ENCODER in names else None
            )
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{path} is not Parquet: {error}") from None
    for asked in (START, END, EMBEDDING):
        if names.isdisjoint(asked):
            there = ", ".join(sorted(names)) or "none"
            raise FormatError(f"{path} has no column {asked[0]!r}; its columns are: {there}")
    encoder = first.column(0)[0].as_py() if first is not None and first.num_rows else None
    return VectorsFile(path, is_per_label(encoder), total, partial(_read, path))


def _read(path: Path) -> Iterator[FoundVector]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            wanted = [_name(file.schema_arrow.names, each) for each in _COLUMNS]
            columns = [name for name in wanted if name]
            for batch in file.iter_batches(BATCH, columns=columns):
                for row in _rows(batch, wanted):
                    number += 1
                    video, start, end, label, embedding = row
                    yield FoundVector(
                        video, GivenVector(start, end, embedding, label, f"row {number}")
                    )
    except pa.ArrowException as error:
        raise FormatError(f"after row {number:,}: {error}") from None


_COLUMNS = (VIDEO, START, END, LABEL, EMBEDDING)


def _name(names: Sequence[str], asked: Sequence[str]) -> str | None:
    return next((name for name in asked if name in names), None)


def _rows(batch: Any, wanted: Sequence[str | None]) -> Iterator[tuple[Any, ...]]:
    import pyarrow as pa

    videos, starts, ends, labels, embeddings = (
        batch.column(name) if name else None for name in wanted
    )
    double, text = pa.float64(), pa.string()
    columns = (
        _plain(videos, text, batch.num_rows),
        _plain(starts, double, batch.num_rows),
        _plain(ends, double, batch.num_rows),
        _plain(labels, text, batch.num_rows),
        _vectors(embeddings),
    )
    yield from zip(*columns, strict=True)


def _plain(column: Any, kind: Any, count: int) -> list[Any]:
    """The values of a column; a missing time is NaN, which is refused with its row."""
    if column is None:
        return [None] * count
    values: list[Any] = column.cast(kind).to_pylist()
    missing = float("nan") if kind == "double" else None
    return [missing if each is None else each for each in values]


def _vectors(column: Any) -> Iterator[Any]:
    """A numpy array per row, without a copy; None for a missing one."""
    import pyarrow as pa

    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(each(column.type) for each in kinds):
        raise FormatError(f"the column of vectors is of type {column.type}, expected a list")
    for each in column:
        yield None if each.values is None else each.values.to_numpy(zero_copy_only=False)
