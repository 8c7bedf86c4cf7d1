"""``ingest``: finds complete recordings in bulk, and has an engine fill the others."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pgvoice.hooks.errors import FormatError, invalid_text
from pgvoice.hooks.ingest.engine import Engine, Stop
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.keys import SegmentKey
from pgvoice.store.turns import Turn
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Recordings that one statement checks.
CHUNK = 500


@dataclass(slots=True)
class IngestReport:
    """The result of an ingest."""

    #: Recordings that had no missing segments.
    complete: int = 0
    filled: int = 0
    #: Recordings that were erased, so they are not filled.
    erased: int = 0
    #: Vectors computed.
    vectors: int = 0
    failed: list[Outcome] = field(default_factory=list)
    #: Recordings that are complete or filled but for segments that are not spans of time.
    invalid: list[Outcome] = field(default_factory=list)
    #: Whether it was told to stop.
    stopped: bool = False

    @property
    def videos(self) -> int:
        return self.complete + self.filled + self.erased + len(self.failed)


#: Called after each recording, and after each check of a chunk.
OnProgress = Callable[[IngestReport], None]


def ingest(
    engine: Engine,
    name: str,
    rows: Iterable[ManifestRow],
    *,
    retries: int = 2,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
    stop: Stop = lambda: False,
    on_progress: OnProgress = lambda _report: None,
) -> IngestReport:
    """Fill the recordings of a manifest by an engine: `Here`, `Processes` or `RayActors`.

    All state is in the store: an ingest that died, or that runs again, does what is missing. The
    `rows` are iterated twice, so that their number is known from the start. Recordings that fail
    are tried `retries` more times at the end; the store keeps their errors. At most `limit`
    recordings are filled, and with `shard` ``(i, n)`` only the i-th of n parts, by a hash of the
    key. Once `stop` is true, recordings under way are finished and no others begun.
    """
    store = engine.store
    report = IngestReport()
    if iter(rows) is rows:
        rows = list(rows)
    erased = set[str]()
    for chunk in _chunks(rows, shard):
        erased |= store.ingests.expect(name, {row.video: row.document() for row in chunk})
    report.erased = len(erased)

    def settle(outcomes: Sequence[Outcome]) -> None:
        store.ingests.settle(name, outcomes)
        for outcome in outcomes:
            report.vectors += outcome.filled
            if outcome.error is None:
                report.filled += 1
            else:
                report.failed.append(outcome)
            if outcome.invalid is not None:
                report.invalid.append(outcome)
            on_progress(report)

    def missing() -> Iterator[ManifestRow]:
        for chunk in _chunks(rows, shard):
            asked = _Asked(store, [row for row in chunk if row.video not in erased])
            settle(asked.unreadable)
            found = store.ingests.complete(engine.identity, asked.labelled)
            complete = [Outcome(video, invalid=asked.invalid.get(video)) for video in found]
            store.ingests.settle(name, complete)
            asked.store_turns(found)
            report.complete += len(complete)
            report.invalid += [each for each in complete if each.invalid is not None]
            on_progress(report)
            yield from (
                row for row in chunk if row.video in asked.labelled and row.video not in found
            )

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


class _Asked:
    """What the rows of a manifest ask for, by recording."""

    def __init__(self, store: VoiceStore, chunk: Sequence[ManifestRow]) -> None:
        self._store = store
        self._turns: dict[str, tuple[ManifestRow, list[Turn]]] = {}
        #: The segments of the turns, with their labels.
        self.labelled: dict[str, list[tuple[SegmentKey, str | None]]] = {}
        #: Names the segments that are not spans of time.
        self.invalid: dict[str, str] = {}
        #: The outcomes of recordings whose segments cannot be read.
        self.unreadable: list[Outcome] = []
        for row in chunk:
            try:
                turns = row.turns()
            except FormatError as error:
                self.unreadable.append(Outcome(row.video, str(error)))
                continue
            snapped = snap_turns(turns, store.grid_ms)
            valid = [(turn, key) for turn, key in zip(turns, snapped.keys, strict=True) if key]
            self.labelled[row.video] = [(key, turn.label) for turn, key in valid]
            self._turns[row.video] = row, [turn for turn, _ in valid]
            if snapped.invalid:
                self.invalid[row.video] = invalid_text(snapped.invalid, "stored")

    def store_turns(self, videos: Collection[str]) -> None:
        """Store turns of complete recordings, if the store has others; then forget them all."""
        given = {video: self._turns[video][1] for video in videos}
        for video in self._store.recordings.stale_turns(given):
            row, turns = self._turns[video]
            self._store.recordings.store_turns(video, turns, source=row.source)
        self._turns.clear()
