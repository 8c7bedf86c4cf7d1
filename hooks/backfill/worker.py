"""``Worker``: fills recordings one by one, in any process, with one store and one model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property

from pgvoice.hooks.backfill.manifest import ManifestRow, Span
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import EncoderUnavailable, InvalidSegments
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.report import FillReport
from pgvoice.store.errors import PgvoiceError
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep.backfills import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Makes the encoder, in the process that needs it.
MakeEncoder = Callable[[], Encoder]
#: The least working time of a recording that was begun, in seconds.
INSTANT = 1e-6


class Worker:
    """Fills recordings one after the other; loads the model for the first that misses something.

    Its encoder must be the `expected` one, by which complete recordings were found.
    """

    def __init__(
        self, connect: Callable[[], VoiceStore], make: MakeEncoder, expected: EncoderIdentity
    ) -> None:
        self._connect, self._make, self._expected = connect, make, expected

    def fill(self, row: ManifestRow) -> Outcome:
        """Fill a recording; if it cannot be filled, the outcome says why and nothing is raised."""
        start = time.monotonic()
        try:
            spans = row.spans()
            report, invalid = self._filled(row, spans)
        except (PgvoiceError, OSError, MemoryError, RuntimeError, ValueError) as error:
            return Outcome(
                row.video, f"{type(error).__name__}: {error}", work_seconds=_since(start)
            )
        run = report.run
        speech = 0.0
        if run.filled:
            speech = sum(end - begin for begin, end in spans) * run.filled / run.requested
        return Outcome(row.video, invalid, run.requested, run.filled, speech, _since(start))

    def _filled(self, row: ManifestRow, spans: Sequence[Span]) -> tuple[FillReport, str | None]:
        """The report, and an error if some segments are not spans of time."""
        try:
            report = fill(
                self._store, self._encoder, video=row.video, audio=row.audio, segments=spans
            )
        except InvalidSegments as error:
            return error.report, str(error)
        return report, None

    @cached_property
    def _store(self) -> VoiceStore:
        return self._connect()

    @cached_property
    def _encoder(self) -> Encoder:
        encoder = self._make()
        if encoder.identity != self._expected:
            raise EncoderUnavailable(
                f"a worker has the encoder {encoder.identity} instead of {self._expected}; install"
                " the same pgvoice, plugins and weights on every machine"
            )
        return encoder


def _since(start: float) -> float:
    return max(time.monotonic() - start, INSTANT)
