"""LanceDB: a table on disk, searched by LanceDB or multiplied by numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pgvoice_benchmarks.library import DIMENSION, THRESHOLD, Matrix
from pgvoice_benchmarks.searching.arrays import CHUNK, confirmed, two_nearest
from pgvoice_benchmarks.searching.task import (
    ALL,
    EFFORTS,
    EXACT,
    EXACT_P95,
    INDEX_SIZE,
    INSERT,
    SIZE,
    SPEAKER,
    VIDEO,
    Figure,
    Found,
    Search,
    Task,
    building,
    by_index,
    nearest,
    quickest,
    themselves,
)
from pgvoice_benchmarks.timing import timed

LINKS, CANDIDATES = 16, 128
#: Candidates from quantized vectors that are compared exactly, per wanted row.
REFINED = 2


class Lance:
    name = "LanceDB"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def figures(self, task: Task) -> Iterator[tuple[str, Figure]]:
        import lancedb

        database = lancedb.connect(self._folder)
        inserted = timed(lambda: database.create_table("segments", _batches(task)))
        table = inserted.result
        yield INSERT, Figure(inserted.seconds)
        yield SIZE, Figure(_size(self._folder), "bytes")
        table.create_scalar_index("video")
        yield VIDEO, Figure(quickest(lambda: _video(table, task)).seconds)
        yield ALL, Figure(quickest(lambda: _all(table, task)).seconds)
        yield SPEAKER, Figure(quickest(lambda: _spoken_by(table, task)).seconds)
        yield from nearest(task, _search(table, task), EXACT, EXACT_P95)
        before = _size(self._folder)
        yield from building(lambda: _build(table))
        yield INDEX_SIZE, Figure(_size(self._folder) - before, "bytes")
        efforts = (effort for effort in EFFORTS if effort >= REFINED * (task.nearest + 1))
        searches = {effort: _search(table, task, effort) for effort in efforts}
        yield from by_index(task, searches, themselves)


def _batches(task: Task) -> Any:
    import pyarrow as pa

    numbers = np.arange(len(task.vectors))
    flat = pa.array(task.vectors.reshape(-1))
    return pa.table(
        {
            "number": numbers,
            "video": numbers // task.library.video_segments,
            "vector": pa.FixedSizeListArray.from_arrays(flat, DIMENSION),
        }
    )


def _build(table: Any) -> None:
    table.create_index(
        metric="dot",
        vector_column_name="vector",
        index_type="IVF_HNSW_SQ",
        m=LINKS,
        ef_construction=CANDIDATES,
    )


def _video(table: Any, task: Task) -> object:
    found = table.search().where(f"video = {task.video}").select(["vector"])
    rows = found.limit(task.library.video_segments).to_arrow()
    return two_nearest(_vectors(rows), task.profiles)


def _all(table: Any, task: Task) -> object:
    batches = table.search().select(["vector"]).to_batches(CHUNK)
    return [two_nearest(_vectors(batch), task.profiles) for batch in batches]


def _spoken_by(table: Any, task: Task) -> Found:
    found = (
        table.search(task.all_profiles[-1], vector_column_name="vector")
        .distance_type("dot")
        .distance_range(upper_bound=1 - THRESHOLD.similarity)
        .limit(len(task.vectors))
        .select(["number", "vector", "_distance"])
        .to_arrow()
    )
    near = found["number"].to_numpy()
    return confirmed(near, _vectors(found), task.all_profiles, task.newcomer)


def _search(table: Any, task: Task, effort: int | None = None) -> Search[Found]:
    def search(query: int) -> Found:
        asked = (
            table.search(task.vectors[query], vector_column_name="vector")
            .distance_type("dot")
            .select(["number", "_distance"])
            .limit(task.nearest + 1)
        )
        if effort is None:
            asked = asked.bypass_vector_index()
        else:
            asked = asked.ef(effort).refine_factor(REFINED)
        found = asked.to_arrow()["number"].to_numpy()
        others: Found = found[found != query][: task.nearest]
        return others

    return search


def _vectors(rows: Any) -> Matrix:
    column = rows["vector"]
    joined = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    vectors: Matrix = joined.flatten().to_numpy().reshape(-1, DIMENSION)
    return vectors


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
