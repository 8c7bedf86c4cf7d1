"""``FillJobs``: fills that wait for their turn, one at a time, and what became of them."""

from __future__ import annotations

import contextvars
import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, TypeVar

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.errors import InvalidSegments, JobStarted, QueueFull, UnknownJob
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.store.errors import InvalidSegment
from pgvoice.store.recordings.turns import OnTurns
from pgvoice.store.recordings.videos import OnAudioChange
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

logger = logging.getLogger(__name__)
State = Literal["queued", "running", "done", "failed", "cancelled"]
Made = TypeVar("Made", Encoder, Segmenter)
#: Fills that may wait, and finished ones that are remembered.
MOST_QUEUED, MOST_ENDED = 16, 100


@dataclass(frozen=True, slots=True)
class FillRequest:
    """What to fill; the audio sources find the audio."""

    video: str
    #: None: those that are stored, or that the segmenter finds.
    turns: Sequence[Turn] | None = None
    encoder: str | None = None
    segmenter: str | None = None
    on_turns: OnTurns = "replace"
    on_audio_change: OnAudioChange = "raise"


@dataclass(frozen=True, slots=True)
class FillJob:
    """A fill, as far as it is."""

    number: int
    request: FillRequest
    #: The encoder's name and revision.
    encoder: str
    state: State
    queued_at: datetime
    #: Rises with each change.
    version: int = 1
    #: Missing segments that are done, and all of them; 0 until it is known how many are missing.
    completed: int = 0
    total: int = 0
    #: Milliseconds of audio that are segmented, and all of them; 0 if nothing is to be segmented.
    segmented_ms: int = 0
    audio_ms: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    report: FillReport | None = None
    #: Segments that are not spans of time; the others were filled.
    invalid: tuple[InvalidSegment, ...] = ()
    #: Why it failed.
    error: Exception | None = None

    @property
    def has_ended(self) -> bool:
        return self.state not in ("queued", "running")


class _Stopped(Exception):
    """The jobs are closed; what is stored so far is kept."""


@dataclass
class FillJobs:
    """Fills one after the other in a thread of their own; threads may share it.

    `changed` is called after each change of a job, in any thread.
    """

    store: VoiceStore
    make: Callable[[str | None], Encoder] = make_encoder
    segmenting: Callable[[str | None], Segmenter] = make_segmenter
    changed: Callable[[], None] = lambda: None
    _jobs: dict[int, FillJob] = field(default_factory=dict)
    _waiting: dict[int, Future[None]] = field(default_factory=dict)
    _encoders: dict[str | None, Encoder] = field(default_factory=dict)
    _segmenters: dict[str | None, Segmenter] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._thread = ThreadPoolExecutor(1, "pgvoice-fill")

    def submit(self, request: FillRequest) -> FillJob:
        """Queue a fill; it is done for whom the caller acts.

        Raises `QueueFull`, `EncoderUnavailable` and `SegmenterUnavailable`.
        """
        encoder = self._kept(self._encoders, self.make, request.encoder)
        segmenter = None
        if request.turns is None:
            segmenter = self._kept(self._segmenters, self.segmenting, request.segmenter)
        now = datetime.now(UTC)
        with self._lock:
            if self._closed.is_set() or len(self._waiting) >= MOST_QUEUED:
                raise QueueFull(len(self._waiting))
            job = FillJob(next(self._numbers), request, str(encoder.identity), "queued", now)
            self._jobs[job.number] = job
            context = contextvars.copy_context()
            self._waiting[job.number] = self._thread.submit(
                context.run, self._run, job.number, encoder, segmenter
            )
        self.changed()
        return job

    def list(self) -> list[FillJob]:
        """The jobs, the newest first; only so many that have ended."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.number)

    def get(self, number: int) -> FillJob:
        """A job as it is now. Raises `UnknownJob`."""
        with self._lock:
            if number not in self._jobs:
                raise UnknownJob(number)
            return self._jobs[number]

    def cancel(self, number: int) -> FillJob:
        """Take a job out of the queue. Raises `UnknownJob`, and `JobStarted` once it runs."""
        job = self.get(number)
        with self._lock:
            waiting = self._waiting.get(number)
            if waiting is None or not waiting.cancel():
                raise JobStarted(number, job.state)
            del self._waiting[number]
        return self._change(number, state="cancelled", ended_at=datetime.now(UTC))

    def close(self) -> None:
        """Cancel what waits, and end what runs; the segments that it stored are kept."""
        self._closed.set()
        for number in list(self._waiting):
            try:
                self.cancel(number)
            except JobStarted:
                continue
        self._thread.shutdown(wait=True)

    def _kept(
        self, made: dict[str | None, Made], make: Callable[[str | None], Made], name: str | None
    ) -> Made:
        """The encoder or segmenter of a name, which is made once."""
        with self._lock:
            if name not in made:
                made[name] = make(name)
            return made[name]

    def _run(self, number: int, encoder: Encoder, segmenter: Segmenter | None) -> None:
        with self._lock:
            self._waiting.pop(number, None)
        request = self._change(number, state="running", started_at=datetime.now(UTC)).request
        try:
            outcome = self._filled(number, request, encoder, segmenter)
        except _Stopped:
            outcome = {"state": "cancelled"}
        except Exception as error:
            logger.info("the fill of %r failed", request.video, exc_info=True)
            outcome = {"state": "failed", "error": error}
        self._change(number, ended_at=datetime.now(UTC), **outcome)

    def _filled(
        self, number: int, request: FillRequest, encoder: Encoder, segmenter: Segmenter | None
    ) -> dict[str, object]:
        def tell(**progress: int) -> None:
            if self._closed.is_set():
                raise _Stopped
            self._change(number, **progress)

        try:
            report = fill(
                self.store,
                encoder,
                video=request.video,
                segments=request.turns,
                on_audio_change=request.on_audio_change,
                on_turns=request.on_turns,
                segmenter=segmenter,
                progress=lambda done, total: tell(completed=done, total=total),
                on_segmenting=lambda done, whole: tell(segmented_ms=done, audio_ms=whole),
            )
        except InvalidSegments as error:
            return {"state": "done", "report": error.report, "invalid": error.errors}
        return {"state": "done", "report": report}

    def _change(self, number: int, **changes: object) -> FillJob:
        with self._lock:
            before = self._jobs[number]
            job = replace(before, version=before.version + 1, **changes)  # type: ignore[arg-type]
            self._jobs[number] = job
            ended = [each for each, it in self._jobs.items() if it.has_ended]
            for old in ended[: -MOST_ENDED or None]:
                del self._jobs[old]
        self.changed()
        return job
