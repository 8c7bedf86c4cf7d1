"""``Ingest``: finds complete recordings in bulk, has an engine fill the others, and labels them."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from pgvoice.hooks.errors import FormatError, invalid_text
from pgvoice.hooks.fill.answering import warn_unless_default
from pgvoice.hooks.ingest.engine import Engine, Stop
from pgvoice.hooks.ingest.labelling import Labelling
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.worker import INSTANT
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.errors import UnknownVideo
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
    #: How long the audio of the filled recordings is, in seconds.
    seconds: float = 0.0
    failed: list[Outcome] = field(default_factory=list)
    #: Recordings that are complete or filled but for segments that are not spans of time.
    invalid: list[Outcome] = field(default_factory=list)
    #: Recordings whose labels were kept, and the people who were named in them.
    labelled: int = 0
    people: list[str] = field(default_factory=list)
    #: Why labels were not kept, if this user may not.
    unlabelled: str | None = None
    #: Whether it was told to stop.
    stopped: bool = False

    @property
    def videos(self) -> int:
        return self.complete + self.filled + self.erased + len(self.failed)

    def forget(self, videos: Collection[str]) -> None:
        """Forget what was wrong with recordings that are tried again."""
        if self.failed or self.invalid:
            self.failed = [each for each in self.failed if each.video not in videos]
            self.invalid = [each for each in self.invalid if each.video not in videos]


#: Called after each recording, and after each check of a chunk.
OnProgress = Callable[[IngestReport], None]


class Ingest:
    """An ingest by an engine: `Here`, `Processes` or `RayActors`.

    All state is in the store: an ingest that died, or that runs again, does what is missing.
    Recordings that fail are tried `retries` more times after the others; the store keeps their
    errors. At most `limit` recordings are filled, and with `shard` ``(i, n)`` only the i-th of n
    parts, by a hash of the key. Once `stop` is true, recordings under way are finished and no
    others begun. Without `labels`, what is filled waits for its labels.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        retries: int = 2,
        limit: int | None = None,
        shard: tuple[int, int] = (1, 1),
        labels: bool = True,
        stop: Stop = lambda: False,
        on_progress: OnProgress = lambda _report: None,
    ) -> None:
        self._labels = labels
        self._engine, self._store, self._name = engine, engine.store, name
        self._retries, self._limit, self._shard = retries, limit, shard
        self._stop, self._on_progress = stop, on_progress
        #: What it did so far.
        self.report = IngestReport()

    def run(self, rows: Iterable[ManifestRow]) -> IngestReport:
        """Segment, fill, link and label what is missing of these recordings.

        The `rows` are iterated twice, so that their number is known from the start.
        """
        warn_unless_default(self._store, self._engine.identity)
        if iter(rows) is rows:
            rows = list(rows)
        erased = set[str]()
        for chunk in _chunks(rows, self._shard):
            asked = {row.video: row.document() for row in chunk}
            erased |= self._store.ingests.expect(self._name, asked)
            self.report.forget(asked)
        self.report.erased += len(erased)
        self._fill(islice(self._missing(rows, erased), self._limit))
        if self._labels:
            self._keep_labels()
        self.report.stopped = self._stop()
        return self.report

    @cached_property
    def _labelling(self) -> Labelling:
        return Labelling(self._store, self._name, self._engine.identity)

    def _missing(self, rows: Iterable[ManifestRow], erased: set[str]) -> Iterator[ManifestRow]:
        """The recordings that are not complete; keeps the state of the others."""
        for chunk in _chunks(rows, self._shard):
            asked = _Asked(self._store, [row for row in chunk if row.video not in erased])
            self._settle(asked.unreadable)
            complete = asked.complete(self._engine)
            self._store.ingests.settle(self._name, complete)
            asked.store_turns()
            self.report.complete += len(complete)
            self.report.invalid += [each for each in complete if each.invalid is not None]
            self._add_to_label([each.video for each in complete])
            self._on_progress(self.report)
            found = {each.video for each in complete + asked.unreadable}
            yield from (row for row in chunk if row.video not in found | erased)

    def _fill(self, rows: Iterable[ManifestRow]) -> None:
        """Fill recordings, and those that fail again after the others."""
        tries = Counter[str]()
        while rows:
            again: list[ManifestRow] = []
            for row, outcome in self._engine.fill(rows, self._stop):
                tries[row.video] += 1
                if outcome.error is not None and tries[row.video] <= self._retries:
                    again.append(row)
                else:
                    self._settle([outcome])
            rows = again

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        report = self.report
        self._store.ingests.settle(self._name, outcomes)
        for outcome in outcomes:
            report.vectors += outcome.filled
            if outcome.error is None:
                report.filled += 1
                report.seconds += self._length(outcome.video)
                self._add_to_label([outcome.video])
            else:
                report.failed.append(outcome)
            if outcome.invalid is not None:
                report.invalid.append(outcome)
            self._on_progress(report)

    def _length(self, video: str) -> float:
        """Seconds of audio; 0 for a recording without speech, whose audio nobody opened."""
        try:
            audio = self._store.recordings.audio(video)
        except UnknownVideo:
            return 0.0
        return audio.duration_ms / 1000 if audio else 0.0

    def _add_to_label(self, videos: list[str]) -> None:
        if self._labels:
            self._labelling.add(videos)

    def _keep_labels(self) -> None:
        self._labelling.keep()
        report, labelling = self.report, self._labelling
        report.labelled, report.people = labelling.labelled, sorted(labelling.people)
        report.unlabelled = labelling.refused


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
    """Run an `Ingest` of these recordings once."""
    made = Ingest(
        engine,
        name,
        retries=retries,
        limit=limit,
        shard=shard,
        stop=stop,
        on_progress=on_progress,
    )
    return made.run(rows)


def _chunks(rows: Iterable[ManifestRow], shard: tuple[int, int]) -> Iterator[list[ManifestRow]]:
    part, parts = shard
    own = (row for row in rows if zlib.crc32(row.video.encode()) % parts == part - 1)
    while chunk := list(islice(own, CHUNK)):
        yield list({row.video: row for row in chunk}.values())


class _Asked:
    """What a chunk of recordings asks for."""

    def __init__(self, store: VoiceStore, chunk: Sequence[ManifestRow]) -> None:
        self._store = store
        self._turns: dict[str, tuple[ManifestRow, list[Turn]]] = {}
        #: The segments of the turns that are given, with their labels.
        self._labelled: dict[str, list[tuple[SegmentKey, str | None]]] = {}
        #: Those without given turns.
        self._alone: list[str] = []
        #: Names the segments that are not spans of time.
        self._invalid: dict[str, str] = {}
        #: Complete recordings of which the store has other turns.
        self._stale: set[str] = set()
        #: The outcomes of recordings whose segments cannot be read.
        self.unreadable: list[Outcome] = []
        for row in chunk:
            if row.like is not None:
                continue  # Such rows are those that miss something.
            try:
                turns = row.turns()
            except FormatError as error:
                self.unreadable.append(Outcome(row.video, str(error)))
                continue
            if turns is None:
                self._alone.append(row.video)
            else:
                self._add(row, turns)

    def _add(self, row: ManifestRow, turns: list[Turn]) -> None:
        snapped = snap_turns(turns, self._store.grid_ms)
        valid = [(turn, key) for turn, key in zip(turns, snapped.keys, strict=True) if key]
        self._labelled[row.video] = [(key, turn.label) for turn, key in valid]
        self._turns[row.video] = row, [turn for turn, _ in valid]
        if snapped.invalid:
            self._invalid[row.video] = invalid_text(snapped.invalid, "stored")

    def complete(self, engine: Engine) -> list[Outcome]:
        """The recordings that miss nothing; those whose turns change are labelled again."""
        ingests = self._store.ingests
        found = ingests.complete(engine.identity, self._labelled)
        given = {video: self._turns[video][1] for video in found}
        self._stale = self._store.recordings.stale_turns(given)
        if self._alone:
            found |= ingests.complete_from_store(
                engine.identity, self._alone, str(engine.segmenter)
            )
        return [
            Outcome(
                video,
                invalid=self._invalid.get(video),
                work_seconds=INSTANT if video in self._stale else 0.0,
            )
            for video in found
        ]

    def store_turns(self) -> None:
        """Store the turns of complete recordings that the store has others of."""
        for video in self._stale:
            row, turns = self._turns[video]
            self._store.recordings.store_turns(video, turns, source=row.source)
