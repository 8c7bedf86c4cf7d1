"""Filling one recording, in whatever process: with one store and one model for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property

from pgvoice.hooks.backfill.manifest import ManifestRow
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import EncoderUnavailable, InvalidSegments
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.fill.report import FillReport
from pgvoice.store.errors import PgvoiceError
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep.backfill_rows import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Called without arguments, in the process that needs the encoder.
MakeEncoder = Callable[[], Encoder]
#: Of work that was begun, at least, in seconds.
INSTANT = 1e-6


class Worker:
    """Fills recordings one after the other; the model is loaded at the first that misses.

    What its encoder is has to be what was `expected` of it, where recordings were looked at.
    """

    def __init__(
        self, connect: Callable[[], VoiceStore], make: MakeEncoder, expected: EncoderIdentity
    ) -> None:
        self._connect, self._make, self._expected = connect, make, expected

    def fill(self, row: ManifestRow) -> Outcome:
        """Never raises for what is wrong with one recording: that is its outcome."""
        start = time.monotonic()
        try:
            spans = row.spans()
            report = fill(
                self._store, self._encoder, video=row.video, audio=row.audio, segments=spans
            )
        except InvalidSegments as error:
            return _outcome(row, error.report, start, str(error))
        except (PgvoiceError, OSError, MemoryError, RuntimeError, ValueError) as error:
            return Outcome(
                row.video, f"{type(error).__name__}: {error}", work_seconds=_since(start)
            )
        return _outcome(row, report, start, None)

    @cached_property
    def _store(self) -> VoiceStore:
        return self._connect()

    @cached_property
    def _encoder(self) -> Encoder:
        encoder = self._make()
        if encoder.identity != self._expected:
            raise EncoderUnavailable(
                f"a worker has the encoder {encoder.identity}, and not {self._expected}; install "
                "the same pgvoice, plugins and weights on every machine"
            )
        return encoder


def _outcome(row: ManifestRow, report: FillReport, start: float, error: str | None) -> Outcome:
    run = report.run
    speech = sum(end - begin for begin, end in row.spans()) if run.filled else 0.0
    share = run.filled / max(run.requested, 1)
    return Outcome(row.video, error, run.requested, run.filled, speech * share, _since(start))


def _since(start: float) -> float:
    return max(time.monotonic() - start, INSTANT)
