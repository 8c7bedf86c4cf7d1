"""Indexes of all segments, and searches by them: pgvoice's own, and one of the elements' signs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, event, text

from pgvoice.store import VoiceStore
from pgvoice.store.keys import Span
from pgvoice_benchmarks.large.figures import Figures
from pgvoice_benchmarks.large.server_load import (
    peak_memory,
    processor_seconds,
    resident_bytes,
)
from pgvoice_benchmarks.large.truth import Truth
from pgvoice_benchmarks.library import DIMENSION, PREFIX, Library
from pgvoice_benchmarks.searching.task import CANDIDATES, LINKS
from pgvoice_benchmarks.timing import Progress

HALFVEC, SIGNS = "halfvec", "binary"
BUILT, PROCESSOR, MEMORY, SIZE = "build", "processor", "memory", "size"
#: The number of segments after which the graph no longer fitted into the memory of the build.
FITTED = "segments in memory"
RECALL, WORST = "recall", "worst recall"
FIRST, FIRST_P95, AGAIN, AGAIN_P95 = "p50", "p95", "again p50", "again p95"
#: Queries that are asked before those that are timed.
WARMING = 50
#: Bytes of a segment's node in the graph of a build, with a little to spare, for pgvoice's links:
#: 1,364 and 1,025 were measured.
NODE = {HALFVEC: 1_380, SIGNS: 1_040}
#: Bytes that each link less saves: a node has twice as many neighbours, of 16 bytes.
LINK = 32
_SIGNS_INDEX = "ten_million_signs"
_NO_LONGER = "hnsw graph no longer fits"

#: By kind: what is indexed, from a vector.
EXPRESSIONS = {
    HALFVEC: f"{{}}::public.halfvec({DIMENSION})",
    SIGNS: f"public.binary_quantize({{}})::bit({DIMENSION})",
}
_OPERATORS = {HALFVEC: "public.<#>", SIGNS: "public.<~>"}


class Links(NamedTuple):
    """How an index of signs is built: links per node, and candidates for them."""

    m: int = LINKS
    ef_construction: int = CANDIDATES


@dataclass(frozen=True)
class Large:
    """A stored library, and the true answers about it."""

    store: VoiceStore
    library: Library
    figures: Figures
    progress: Progress

    def asked(self, number: int) -> tuple[str, Span]:
        """The key and the span of a segment."""
        video = self.library.video(number // self.library.video_segments)
        span = video.spans[number % self.library.video_segments]
        return video.key, (span.start_s, span.end_s)


def build(large: Large, kind: str, memory: str | None, links: Links = Links()) -> None:  # noqa: B008
    """Build an index unless it is there, and note what it takes.

    That of halfvec has the links of pgvoice, whatever is given.
    """
    step = f"build {kind}"
    node = NODE[kind] - LINK * (LINKS - links.m)
    needed = memory or f"{max(64, int(large.library.segments * node) >> 20)}MB"
    before = processor_seconds(large.store)
    with peak_memory(large.store) as held, _notices(large.store) as said:
        start = time.perf_counter()
        if kind == HALFVEC:
            report = large.store.index.build(
                memory=needed,
                on_progress=lambda seen: large.progress(seen.blocks_done, seen.blocks_total),
            )
            if not report.built:
                return
        elif not _build_signs(large.store, needed, links):
            return
        seconds, most = time.perf_counter() - start, held()
    keep = large.figures.keep
    keep(step, BUILT, seconds)
    keep(step, PROCESSOR, processor_seconds(large.store) - before)
    keep(step, MEMORY, most, "bytes")
    keep(step, "memory that it may use", _amount(large.store, needed), "bytes")
    keep(step, SIZE, _index_bytes(large.store, kind), "bytes")
    keep(step, FITTED, next(iter(said), large.library.segments), "")
    if kind == SIGNS:
        keep(step, "links", links.m, "")
        keep(step, "candidates for them", links.ef_construction, "")


def _build_signs(store: VoiceStore, memory: str, links: Links) -> bool:
    with _alone(store) as connection:
        there = connection.scalar(
            text("SELECT to_regclass(:name) IS NOT NULL"), {"name": f"pgvoice.{_SIGNS_INDEX}"}
        )
        if not there:
            connection.execute(text(f"SET maintenance_work_mem = '{memory}'"))
            expression = EXPRESSIONS[SIGNS].format("embedding")
            connection.execute(
                text(
                    f"CREATE INDEX {_SIGNS_INDEX} ON pgvoice.segment_embedding USING hnsw"
                    f" (({expression}) public.bit_hamming_ops)"
                    f" WITH (m = {links.m}, ef_construction = {links.ef_construction})"
                )
            )
    return not there


def drop_signs(store: VoiceStore) -> None:
    with _alone(store) as connection:
        connection.execute(text(f"DROP INDEX IF EXISTS pgvoice.{_SIGNS_INDEX}"))


def search_as_pgvoice(large: Large, truth: Truth, *, exact: bool, most: int | None = None) -> None:
    """`VoiceStore.answers.similar`, by the index or without it."""
    nearest = truth.nearest.shape[1]

    def search(asked: tuple[str, Span]) -> list[tuple[str, float]]:
        found = large.store.answers.similar(*asked, limit=nearest, exact=exact)
        return [(each.video, each.start) for each in found]

    step = "search all, exact" if exact else "search by halfvec, as pgvoice does"
    _measure(large, truth, step, search, most)


def search_by(large: Large, truth: Truth, kind: str, candidates: int) -> None:
    """The candidates of an index, ranked by the full vectors."""
    with _alone(large.store) as connection:
        for setting in _settings(candidates):
            connection.execute(text(setting))
        statement = text(_statement(kind, _before(connection)))
        sizes = {"candidates": candidates, "nearest": truth.nearest.shape[1]}

        def search(asked: tuple[str, Span]) -> list[tuple[str, float]]:
            (video, (start, end)) = asked
            rows = connection.execute(
                statement,
                sizes | {"video": video, "start": round(start * 1000), "end": round(end * 1000)},
            )
            return [(key, start_ms / 1000) for key, start_ms in rows]

        _measure(large, truth, f"search by {kind}, {candidates:,} candidates", search, None)


def _settings(candidates: int) -> Iterator[str]:
    # With a few to spare, as the segment itself is found, and a second scan costs as much.
    yield f"SET hnsw.ef_search = {min(candidates + 10, 1000)}"
    yield "SET hnsw.iterative_scan = relaxed_order"
    yield f"SET hnsw.max_scan_tuples = {max(20_000, 20 * candidates)}"
    yield "SET hnsw.scan_mem_multiplier = 8"
    yield "SET enable_seqscan = off"


def _before(connection: Connection) -> str | None:
    """What pgvoice's index covers was stored before this time; it covers everything if None."""
    statement = text("SELECT before::text FROM pgvoice_internal.indexed_segments(1)")
    found: str | None = connection.scalar(statement)
    return found


def _statement(kind: str, before: str | None) -> str:
    own = (
        "(SELECT a.embedding FROM pgvoice.segment_embedding AS a JOIN pgvoice.video AS w"
        " ON w.id = a.video_id WHERE w.key = :video AND a.start_ms = :start AND a.end_ms = :end)"
    )
    stored, given = (EXPRESSIONS[kind].format(each) for each in ("s.embedding", own))
    # The predicate of pgvoice's index.
    old = f"s.created_at < '{before}' AND " if before else ""
    partial = f"s.encoder_id = 1 AND {old}" if kind == HALFVEC else ""
    return (
        "SELECT v.key, near.start_ms FROM (SELECT s.video_id, s.start_ms,"
        f" s.embedding OPERATOR(public.<#>) {own} AS distance FROM ("
        f"SELECT s.* FROM pgvoice.segment_embedding AS s WHERE {partial}NOT (s.start_ms = :start"
        " AND s.end_ms = :end AND s.video_id = (SELECT id FROM pgvoice.video WHERE key = :video))"
        f" ORDER BY {stored} OPERATOR({_OPERATORS[kind]}) {given} LIMIT :candidates) AS s"
        " ORDER BY distance LIMIT :nearest) AS near JOIN pgvoice.video AS v ON v.id = near.video_id"
    )


def _measure(
    large: Large,
    truth: Truth,
    step: str,
    search: Callable[[tuple[str, Span]], list[tuple[str, float]]],
    most: int | None,
) -> None:
    """Ask each query once, after others; then all of them again."""
    queries = truth.queries[:most].tolist()
    others = np.random.default_rng(2).choice(large.library.segments, WARMING).tolist()
    for number in others if most is None else others[:1]:
        search(large.asked(number))
    asked = [large.asked(number) for number in queries]
    shares: list[float] = []
    times: tuple[list[float], list[float]] = ([], [])
    before = processor_seconds(large.store)
    for again in (0, 1) if most is None else (0,):
        for done, (question, nearest) in enumerate(zip(asked, truth.nearest, strict=False)):
            start = time.perf_counter()
            found = search(question)
            times[again].append(time.perf_counter() - start)
            if not again:
                shares.append(np.isin(nearest, _numbers(large.library, found)).mean())
            large.progress(done + 1, len(asked))
    keep = large.figures.keep
    used = processor_seconds(large.store) - before
    keep(step, RECALL, float(np.mean(shares)), "recall")
    keep(step, WORST, float(np.min(shares)), "recall")
    keep(step, PROCESSOR, used / sum(map(len, times)))
    for seconds, (p50, p95) in zip(times, ((FIRST, FIRST_P95), (AGAIN, AGAIN_P95)), strict=True):
        if seconds:
            keep(step, p50, float(np.quantile(seconds, 0.5)))
            keep(step, p95, float(np.quantile(seconds, 0.95)))
    keep(step, MEMORY, resident_bytes(large.store), "bytes")


def _numbers(library: Library, found: list[tuple[str, float]]) -> list[int]:
    """Segment numbers; within a video they follow the starts."""
    starts: dict[int, list[int]] = {}
    numbers = []
    for key, start in found:
        video = int(key.removeprefix(PREFIX))
        if video not in starts:
            starts[video] = [span.start_ms for span in library.video(video).spans]
        place = int(np.searchsorted(starts[video], round(start * 1000)))
        numbers.append(video * library.video_segments + place)
    return numbers


@contextmanager
def _alone(store: VoiceStore) -> Iterator[Connection]:
    """A connection of its own, in autocommit mode, whose settings end with it."""
    with store.database.unpooled.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def _notices(store: VoiceStore) -> Iterator[list[int]]:
    """Gives a list to which the numbers in notices about full memory are added."""
    said: list[int] = []

    def hear(diagnostic: Any) -> None:
        message = diagnostic.message_primary or ""
        if _NO_LONGER in message:
            said.extend(int(word) for word in message.split() if word.isdigit())

    def listen(connection: Any, _record: object) -> None:
        connection.add_notice_handler(hear)

    event.listen(store.database.unpooled, "connect", listen)
    try:
        yield said
    finally:
        event.remove(store.database.unpooled, "connect", listen)


def _amount(store: VoiceStore, memory: str) -> int:
    with store.database.engine.connect() as connection:
        found: int = connection.scalar(text("SELECT pg_size_bytes(:memory)"), {"memory": memory})
    return found


def _index_bytes(store: VoiceStore, kind: str) -> int:
    if kind == HALFVEC:
        return sum(each.bytes for each in store.index.status())
    with store.database.engine.connect() as connection:
        found: int = connection.scalar(
            text("SELECT pg_relation_size(CAST(:name AS regclass))"),
            {"name": f"pgvoice.{_SIGNS_INDEX}"},
        )
    return found
