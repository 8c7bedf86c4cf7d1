"""``Filling``: one fill of turns that are known, from what is missing to rows in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.audio.recording import OpenRecording, open_recording
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.fill.answering import warn_unless_default
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass, too_short
from pgvoice.hooks.fill.plausible import check_times
from pgvoice.hooks.fill.recovery import Recovery
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.sources import resolve_audio
from pgvoice.store.errors import UnknownVideo, VideoErased
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.fills import FillRun, Hold
from pgvoice.store.recordings.recordings import Registered
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.recordings.turns import OnTurns, TurnsStored
from pgvoice.store.recordings.videos import OnAudioChange, VideoAudio
from pgvoice.store.statuses import EMBEDDED_STATUSES
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: Called with the number of missing segments that are done, from 0 on, and the number of all. While
#: a recording is being segmented, all are those that are known so far.
Progress = Callable[[int, int], None]


class Handed(NamedTuple):
    """The turns of a fill, and what becomes of the stored ones."""

    turns: Sequence[Turn]
    keys: Sequence[SegmentKey]
    on_turns: OnTurns = "replace"
    source: str | None = None
    #: What found the turns, as its identity reads; None if they were given.
    segmenter: str | None = None
    #: Whether these are the stored turns themselves.
    are_stored: bool = False


class TurnsChanged(Exception):
    """The stored turns are others than at the start: ask for them again."""


@dataclass
class Filling:
    """One call of `fill`."""

    store: VoiceStore
    encoder: Encoder
    video: str
    audio: str | Path | None
    handed: Handed
    on_audio_change: OnAudioChange
    progress: Progress | None
    #: The segments of the turns and their clean parts, each once, in time order.
    keys: Sequence[SegmentKey] = ()
    recovery: Recovery = field(default_factory=Recovery)
    files: ExitStack = field(default_factory=ExitStack)
    #: Segments without a row whose speech was erased.
    erased: frozenset[SegmentKey] = frozenset()
    #: The audio, once it is open, and what embeds segments of it.
    recording: OpenRecording | None = None
    embedding: EmbeddingPass | None = None
    #: How the video's turns changed, once they are stored.
    stored_turns: TurnsStored | None = None

    def run(self) -> FillReport:
        """Fill, and record it.

        Raises `TurnsChanged` if the stored turns were to be filled, but belong to other audio,
        which was replaced.
        """
        if self.handed.keys and self._missing():
            with self.files:
                self.recovery.attempt(self._fill)
        if len(self.keys) > len(self.erased):
            self._store_turns()
            self._record()
        return self._report()

    def _fill(self) -> None:
        """Compute and store what is missing; other fills of the video wait meanwhile."""
        with self.store.recordings.filling(self.video) as hold:
            missing: Sequence[SegmentKey] = self._missing()
            registered = self._prepare(missing) if missing else None
            if registered and self.embedding:
                if registered.replaced and self.handed.are_stored:
                    raise TurnsChanged
                # Which speech was erased is known by the audio, whatever the video's key is.
                missing = self.keys if registered.replaced else missing
                self.erased = frozenset(self.store.recordings.erased(self.video, missing))
                missing = [key for key in missing if key not in self.erased]
            computed = self.recovery.settle(missing)
            if not registered:
                return
            self._store_turns()
            total = self.recovery.stored.total() + len(missing)
            self._tell(total)
            with closing(self._batches(missing, computed)) as batches:
                self._write(hold, registered, batches, total)

    def _write(
        self, hold: Hold, to: Registered, batches: Iterable[list[SegmentRow]], total: int
    ) -> None:
        """Commit each batch, while the fill of the video is held."""
        for rows in batches:
            with self.recovery.writing(rows):
                hold.check()
                self.store.recordings.write(to, self.encoder.identity, rows)
            self._tell(total)

    def _store_turns(self) -> None:
        """Store the turns of the video, which is registered, unless that is done."""
        turns, _, on_turns, source, segmenter, are_stored = self.handed
        if on_turns != "ignore" and not are_stored and not self.stored_turns:
            try:
                self.stored_turns = self.store.recordings.store_turns(
                    self.video, turns, source=source, add=on_turns == "add", segmenter=segmenter
                )
            except UnknownVideo:
                raise VideoErased from None

    def _missing(self) -> list[SegmentKey]:
        turns, keys, on_turns, *_ = self.handed
        labels = [turn.label for turn in turns]
        found = self.store.recordings.missing(
            self.video, self.encoder.identity, keys, labels, on_turns
        )
        self.keys, self.erased = found.of_turns, found.erased
        return found

    def _prepare(self, missing: Sequence[SegmentKey]) -> Registered:
        """Open the audio and load the model, if they are needed, and only then register."""
        if self.embedding is None and not all(map(too_short, missing)):
            recording = self._opened()
            check_times(sorted(set(self.handed.keys)), recording.info.duration_ms)
            self.embedding = EmbeddingPass(self.encoder, recording)
        if self.embedding and not all(map(self.embedding.refused, missing)):
            self.encoder.load()
        return self._register()

    def _opened(self) -> OpenRecording:
        """The audio, which is opened once."""
        if self.recording is None:
            self.audio = self.audio or resolve_audio(self.video)
            self.recording = self.files.enter_context(open_recording(self.audio))
        return self.recording

    def _register(self) -> Registered:
        warn_unless_default(self.store, self.encoder.identity)
        audio = None
        if self.recording:
            info = self.recording.info
            audio = VideoAudio(info.sha256, info.duration_ms, str(self.audio))
        return self.store.recordings.register(
            self.video,
            audio,
            self.encoder.identity,
            self.encoder.default_threshold,
            self.on_audio_change,
        )

    def _batches(
        self, missing: Sequence[SegmentKey], computed: list[SegmentRow]
    ) -> Generator[list[SegmentRow], None, None]:
        """A row for each missing segment; first those that an earlier attempt computed."""
        if computed:
            yield computed
        known = {row.key for row in computed}
        left = [key for key in missing if key not in known]
        if self.embedding:
            yield from self.embedding.rows(left)
        elif left:
            yield [SegmentRow(key, "too_short") for key in left]

    def _tell(self, total: int) -> None:
        if self.progress:
            self.progress(self.recovery.stored.total(), total)

    def _record(self) -> None:
        """Record the fill, which computes the voices of the labels."""
        self.store.recordings.record_fill(self.video, self.encoder.identity, self._summary())

    def _report(self) -> FillReport:
        return FillReport(
            self.video,
            self.encoder.identity,
            self._summary(),
            self.recording is not None,
            sum(each.batches for each in self._passes()),
            self.stored_turns,
            len(set(self.keys).difference(self.handed.keys)),
            self.handed.segmenter,
            passes=self.recording.passes if self.recording else 0,
        )

    def _summary(self) -> FillRun:
        stored, passes = Counter(self.recovery.stored), self._passes()
        stored["erased"] += len(self.erased)
        return FillRun(
            requested=len(self.keys),
            hits=len(self.keys) - stored.total(),
            filled=sum(stored[status] for status in EMBEDDED_STATUSES),
            skipped={s: n for s, n in sorted(stored.items()) if n and s not in EMBEDDED_STATUSES},
            decode_seconds=sum(each.decode_seconds for each in passes),
            encode_seconds=sum(each.encode_seconds for each in passes),
            device=self.encoder.device if any(each.batches for each in passes) else None,
        )

    def _passes(self) -> Sequence[EmbeddingPass]:
        return [self.embedding] if self.embedding else []
