"""``backfill``: finds complete recordings in bulk, and has an engine fill the others."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice

from pgvoice.hooks.backfill.engine import Engine, Stop
from pgvoice.hooks.backfill.manifest import ManifestRow
from pgvoice.hooks.errors import FormatError
from pgvoice.store.keys import SegmentKey, snap_segments
from pgvoice.store.upkeep.backfills import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Recordings that one statement checks.
CHUNK = 500


@dataclass(slots=True)
class BackfillReport:
    """The result of a backfill."""

    #: Recordings that had no missing segments.
    complete: int = 0
    filled: int = 0
    #: Recordings that were erased, so they are not filled.
    erased: int = 0
    #: Vectors computed.
    vectors: int = 0
    failed: list[Outcome] = field(default_factory=list)
    #: Whether it was told to stop.
    stopped: bool = False

    @property
    def videos(self) -> int:
        return self.complete + self.filled + self.erased + len(self.failed)


#: Called after each recording, and after each check of a chunk.
OnProgress = Callable[[BackfillReport], None]


def backfill(
    engine: Engine,
    name: str,
    rows: Iterable[ManifestRow],
    *,
    retries: int = 2,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
    stop: Stop = lambda: False,
    on_progress: OnProgress = lambda _report: None,
) -> BackfillReport:
    """Fill the recordings of a manifest by an engine: `Here`, `Processes` or `RayActors`.

    All state is in the store: a backfill that died, or that runs again, does what is missing. The
    `rows` are iterated twice, so that their number is known from the start. Recordings that fail
    are tried `retries` more times at the end; the store keeps their errors. At most `limit`
    recordings are filled, and with `shard` ``(i, n)`` only the i-th of n parts, by a hash of the
    key. Once `stop` is true, recordings under way are finished and no others begun.
    """
    store = engine.store
    report = BackfillReport()
    if iter(rows) is rows:
        rows = list(rows)
    erased = set[str]()
    for chunk in _chunks(rows, shard):
        erased |= store.backfills.expect(name, {row.video: asdict(row) for row in chunk})
    report.erased = len(erased)

    def settle(outcomes: Sequence[Outcome]) -> None:
        store.backfills.settle(name, outcomes)
        for outcome in outcomes:
            report.vectors += outcome.filled
            if outcome.error is None:
                report.filled += 1
            else:
                report.failed.append(outcome)
            on_progress(report)

    def missing() -> Iterator[ManifestRow]:
        for chunk in _chunks(rows, shard):
            asked, broken = _keys(store, [row for row in chunk if row.video not in erased])
            settle(broken)
            complete = store.backfills.complete(engine.identity, asked)
            store.backfills.settle(name, [Outcome(video) for video in complete])
            report.complete += len(complete)
            on_progress(report)
            yield from (row for row in chunk if row.video in asked and row.video not in complete)

    tries = Counter[str]()
    round_: Iterable[ManifestRow] = islice(missing(), limit)
    while round_:
        again: list[ManifestRow] = []
        for row, outcome in engine.fill(round_, stop):
            tries[row.video] += 1
            if outcome.error is not None and tries[row.video] <= retries:
                again.append(row)
            else:
                settle([outcome])
        round_ = again
    report.stopped = stop()
    return report


def _chunks(rows: Iterable[ManifestRow], shard: tuple[int, int]) -> Iterator[list[ManifestRow]]:
    part, parts = shard
    own = (row for row in rows if zlib.crc32(row.video.encode()) % parts == part - 1)
    while chunk := list(islice(own, CHUNK)):
        yield list({row.video: row for row in chunk}.values())


def _keys(
    store: VoiceStore, chunk: Sequence[ManifestRow]
) -> tuple[dict[str, list[SegmentKey]], list[Outcome]]:
    """The segments by recording, and the outcomes of recordings whose segments are unreadable."""
    asked: dict[str, list[SegmentKey]] = {}
    broken: list[Outcome] = []
    for row in chunk:
        try:
            asked[row.video] = list(snap_segments(row.spans(), store.grid_ms).distinct)
        except FormatError as error:
            broken.append(Outcome(row.video, str(error)))
    return asked, broken
