"""``fill_from_audio``: finds the turns of a recording and fills them in one pass over the audio."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from pgvoice.hooks.audio.stream import AudioStream, OnAudio
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import SegmenterFailed
from pgvoice.hooks.fill.embedding_pass import MAX_MS, EmbeddingPass
from pgvoice.hooks.fill.filling import Filling, Handed, Progress, TurnsChanged
from pgvoice.hooks.fill.open_turns import OpenTurns
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.errors import InvalidSegment, UnknownVideo, VideoErased
from pgvoice.store.keys import SegmentKey, snap_segment
from pgvoice.store.recordings.fills import FillRun, Hold
from pgvoice.store.recordings.recordings import Registered
from pgvoice.store.recordings.turns import TurnSource
from pgvoice.store.recordings.videos import OnAudioChange
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore


def fill_from_audio(
    store: VoiceStore,
    encoder: Encoder,
    video: str,
    audio: str | Path | None,
    segmenter: Segmenter | None = None,
    on_audio_change: OnAudioChange = "raise",
    progress: Progress | None = None,
    on_segmenting: OnAudio | None = None,
) -> FillReport:
    """Fill the stored turns of a video if they were given, or if this segmenter found them.

    Otherwise its turns are found first. Raises what `fill` raises.
    """
    while True:
        known = _usable(store, video, segmenter)
        if known:
            handed = _stored(store, video, known)
            work = Filling(store, encoder, video, audio, handed, on_audio_change, progress)
        else:
            work = Segmenting(
                *(store, encoder, video, audio, Handed((), ()), on_audio_change, progress),
                segmenter=segmenter or make_segmenter(),
                on_segmenting=on_segmenting,
            )
        try:
            return work.run()
        except TurnsChanged:
            continue


def _usable(store: VoiceStore, video: str, segmenter: Segmenter | None) -> TurnSource | None:
    """Where the stored turns come from, unless there are none or another segmenter found them."""
    found = store.recordings.turn_source(video)
    if found is None or found.segmenter is None:
        return found
    identity = (segmenter or make_segmenter()).identity
    return found if found.segmenter == str(identity) else None


def _stored(store: VoiceStore, video: str, source: TurnSource) -> Handed:
    turns = store.recordings.turns(video) or []
    keys = [key for key in snap_turns(turns, store.grid_ms).keys if key]
    return Handed(turns, keys, "ignore", None, source.segmenter, are_stored=True)


#: Part of a recording only if all of it was erased, however long it is.
_END_OF_TIME = SegmentKey(2_147_482_000, 2_147_483_000)


@dataclass
class Segmenting(Filling):
    """One fill that finds the turns itself, and embeds them while the audio is in memory.

    If the database goes away, the segmenter waits too. Whatever is missing when it is done takes
    another pass: only segments that left the memory, as of turns that came late.
    """

    segmenter: Segmenter = field(kw_only=True)
    on_segmenting: OnAudio | None = field(kw_only=True, default=None)
    stream: AudioStream | None = None
    #: The turns still to come; None before the pass, and after the segmenter failed.
    coming: Iterator[Turn] | None = None
    turns: list[Turn] = field(default_factory=list)
    turn_keys: list[SegmentKey] = field(default_factory=list)
    open: OpenTurns = field(default_factory=OpenTurns)
    #: Embeds what left the memory.
    later: EmbeddingPass | None = None
    #: Spent by the segmenter, without decoding.
    segment_seconds: float = 0.0

    def run(self) -> FillReport:
        """Segment, fill, and record it. Raises `TurnsChanged` if somebody else was faster."""
        if self.store.recordings.erased(self.video, [_END_OF_TIME]):
            self.keys, self.erased = [_END_OF_TIME], frozenset([_END_OF_TIME])
            return self._report()
        with self.files:
            self.recovery.attempt(self._fill)
        self._record()
        return self._report()

    def _fill(self) -> None:
        with self.store.recordings.filling(self.video) as hold:
            if _usable(self.store, self.video, self.segmenter):
                raise TurnsChanged
            stream, embedding = self._begun()
            registered = self._register()
            self._write_uncertain(hold, registered)
            while (turn := self._next(stream)) is not None:
                self._add(turn)
                if self.open.are_many:
                    self._fill_settled(hold, registered, stream, embedding)
                stream.hold(self.open.start_ms)
            self._fill_settled(hold, registered, stream, embedding, are_all=True)
            self._finish(hold, registered)

    def _begun(self) -> tuple[AudioStream, EmbeddingPass]:
        """The pass over the audio; it goes on where an earlier attempt was interrupted."""
        if self.coming is None or self.stream is None or self.embedding is None:
            recording = self._opened()
            self.segmenter.load()
            self.encoder.load()
            self.stream = AudioStream(recording, self.on_segmenting)
            self.embedding = EmbeddingPass(self.encoder, self.stream)
            self.turns, self.turn_keys, self.open = [], [], OpenTurns()
            self.coming = self.segmenter.turns(self.stream)
            self.files.callback(getattr(self.coming, "close", _nothing))
        return self.stream, self.embedding

    def _write_uncertain(self, hold: Hold, to: Registered) -> None:
        """Store the batch during whose storing the database went away, unless it did store it."""
        if keys := [row.key for row in self.recovery.uncertain]:
            missing = self.store.recordings.missing(self.video, self.encoder.identity, keys)
            if rows := self.recovery.settle(missing):
                self._write(hold, to, [rows], self.recovery.stored.total() + len(rows))

    def _next(self, stream: AudioStream) -> Turn | None:
        started, decoding = time.perf_counter(), stream.window_seconds
        try:
            return next(self.coming, None) if self.coming else None
        except BaseException:
            self.coming = None
            raise
        finally:
            decoding = stream.window_seconds - decoding
            self.segment_seconds += time.perf_counter() - started - decoding

    def _add(self, turn: Turn) -> None:
        """Note a turn. Raises `SegmenterFailed` if it is none, or earlier than the one before."""
        named = f"the segmenter {self.segmenter.identity} found a turn"
        try:
            key = snap_segment((turn.start, turn.end), self.store.grid_ms, index=len(self.turns))
        except InvalidSegment as error:
            raise SegmenterFailed(f"{named} that is no span of time: {error}") from error
        if self.turns and turn.start < self.turns[-1].start:
            before = self.turns[-1].start
            raise SegmenterFailed(f"{named} at {turn.start:g} s after one at {before:g} s")
        if not turn.label:
            raise SegmenterFailed(f"{named} without a label, at {turn.start:g} s")
        self.turns.append(turn)
        self.turn_keys.append(key)
        self.open.add(turn, key)

    def _fill_settled(
        self,
        hold: Hold,
        to: Registered,
        stream: AudioStream,
        embedding: EmbeddingPass,
        *,
        are_all: bool = False,
    ) -> None:
        """Fill the segments that no later turn changes, and that are in memory."""
        needed = self.store.recordings.missing(
            self.video, self.encoder.identity, self.open.keys, self.open.labels
        )
        due = [
            key
            for key in self.open.settled(needed, are_all=are_all)
            if stream.has(key.start_ms, min(key.end_ms, key.start_ms + MAX_MS))
        ]
        self._embed(hold, to, embedding, due)
        self.open.settle()

    def _embed(
        self, hold: Hold, to: Registered, embedding: EmbeddingPass, keys: Sequence[SegmentKey]
    ) -> None:
        total = self.recovery.stored.total() + len(keys)
        with closing(embedding.rows(keys)) as batches:
            self._write(hold, to, batches, total)

    def _finish(self, hold: Hold, to: Registered) -> None:
        """Fill what left the memory, and store the turns."""
        found_by = str(self.segmenter.identity)
        self.handed = Handed(self.turns, self.turn_keys, segmenter=found_by)
        if self.turns and (missing := self._missing()):
            self.later = self.later or EmbeddingPass(self.encoder, self._opened())
            self._embed(hold, to, self.later, missing)
        if self.turns and not self.segmenter.labels_are_people:
            self._join_labels()
        self._store_turns()

    def _join_labels(self) -> None:
        try:
            labels = self.store.recordings.join_labels(
                self.video, self.encoder.identity, self.turns
            )
        except UnknownVideo:
            raise VideoErased from None
        joined = zip(self.turns, labels, strict=True)
        self.handed = self.handed._replace(turns=[replace(t, label=new) for t, new in joined])

    def _report(self) -> FillReport:
        return replace(super()._report(), segment_seconds=self.segment_seconds)

    def _summary(self) -> FillRun:
        run = super()._summary()
        windows = self.stream.window_seconds if self.stream else 0.0
        return replace(run, decode_seconds=run.decode_seconds + windows)

    def _passes(self) -> Sequence[EmbeddingPass]:
        return [each for each in (self.embedding, self.later) if each]


def _nothing() -> None:
    """An iterator that is no generator has nothing to close."""
