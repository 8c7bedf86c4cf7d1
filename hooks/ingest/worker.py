"""``Worker``: fills recordings one after the other, in whichever process it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import EncoderUnavailable, InvalidSegments, SegmenterUnavailable
from pgvoice.hooks.fill.answering import is_meant
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.likewise import fill_likewise, turns_of
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.steps import OnStep, Steps, ignore
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.segmenters.segmenter import Segmenter, SegmenterIdentity
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.turns import Turn
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Make the encoder and the segmenter, in the process that needs them.
MakeEncoder = Callable[[], Encoder]
MakeSegmenter = Callable[[], Segmenter]
Made = TypeVar("Made", Encoder, Segmenter)
#: The least working time of a recording that was begun, in seconds.
INSTANT = 1e-6


class Worker:
    """Fills recordings one after the other; loads models for the first that needs them.

    Its encoder must be the `expected` one, by which complete recordings were found.
    """

    def __init__(
        self,
        connect: Callable[[], VoiceStore],
        make: MakeEncoder,
        expected: EncoderIdentity,
        make_segmenter: MakeSegmenter,
    ) -> None:
        self._connect, self._make, self._expected = connect, make, expected
        self._make_segmenter = make_segmenter

    def fill(
        self,
        row: ManifestRow,
        segmenter: SegmenterIdentity | None = None,
        on_step: OnStep = ignore,
    ) -> Outcome:
        """Fill a recording; if it cannot be filled, the outcome says why and nothing is raised.

        One without segments is segmented by the segmenter of this identity.
        """
        start, invalid = time.monotonic(), None
        try:
            turns = row.turns() if row.like is None else turns_of(self._store, row.video, row.like)
            report = self._filled(row, turns, segmenter, on_step)
        except InvalidSegments as error:
            report, invalid = error.report, str(error)
        except Exception as error:  # of a plugin's encoder or segmenter, too
            return Outcome(
                row.video, f"{type(error).__name__}: {error}", work_seconds=_since(start)
            )
        run, speech = report.run, 0.0
        if run.filled:
            speech = self._seconds(row, turns) * run.filled / run.requested
        return Outcome(row.video, None, run.requested, run.filled, speech, _since(start), invalid)

    def _filled(
        self,
        row: ManifestRow,
        turns: Sequence[Turn] | None,
        expected: SegmenterIdentity | None,
        on_step: OnStep,
    ) -> FillReport:
        steps = Steps(row.video, on_step)
        if row.like is not None:
            return fill_likewise(
                self._store, self._encoder, row.video, turns or [], row.audio, steps.filling
            )
        is_meant(self._store, self._encoder.identity)
        return fill(
            self._store,
            self._encoder,
            video=row.video,
            audio=row.audio,
            segments=turns,
            segmenter=_same(self._segmenter, expected) if turns is None else None,
            source=row.source,
            progress=steps.filling,
            on_segmenting=steps.segmenting,
        )

    def _seconds(self, row: ManifestRow, turns: Sequence[Turn] | None) -> float:
        """How long the distinct segments of a filled recording are, all together."""
        if turns is None:
            turns = self._store.recordings.turns(row.video) or ()
        keys = snap_turns(turns, self._store.grid_ms).distinct
        return sum(key.duration_ms for key in keys) / 1000

    @cached_property
    def _store(self) -> VoiceStore:
        return self._connect()

    @cached_property
    def _encoder(self) -> Encoder:
        return _same(self._make(), self._expected)

    @cached_property
    def _segmenter(self) -> Segmenter:
        return self._make_segmenter()


def _same(made: Made, expected: EncoderIdentity | SegmenterIdentity | None) -> Made:
    """The encoder or segmenter itself, if it is the expected one."""
    if made.identity == expected:
        return made
    segments = isinstance(expected, SegmenterIdentity)
    said = (
        f"a worker has the {'segmenter' if segments else 'encoder'} {made.identity} instead of"
        f" {expected}; install the same pgvoice, plugins and weights on every machine"
    )
    raise SegmenterUnavailable(said) if segments else EncoderUnavailable(said)


def _since(start: float) -> float:
    return max(time.monotonic() - start, INSTANT)
