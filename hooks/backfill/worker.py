"""Filling one recording, in whatever process: with one store and one model for all of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from pgvoice.hooks.backfill.manifest import ManifestRow
from pgvoice.hooks.encoder import Encoder
from pgvoice.hooks.errors import InvalidSegments
from pgvoice.hooks.filling import FillReport, fill
from pgvoice.store.backfills import Outcome
from pgvoice.store.errors import PgvoiceError
from pgvoice.store.voice_store import VoiceStore

#: Called without arguments, in the process that needs the encoder.
MakeEncoder = Callable[[], Encoder]


class Worker:
    """Fills recordings one after the other; the model is loaded at the first that misses."""

    def __init__(self, store: VoiceStore, encoder: Encoder) -> None:
        self._store, self._encoder = store, encoder

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


def _outcome(row: ManifestRow, report: FillReport, start: float, error: str | None) -> Outcome:
    run = report.run
    speech = sum(end - begin for begin, end in row.spans()) if run.filled else 0.0
    share = run.filled / max(run.requested, 1)
    return Outcome(row.video, error, run.requested, run.filled, speech * share, _since(start))


def _since(start: float) -> float:
    return max(time.monotonic() - start, 1e-6)


#: That of this process.
_worker: Worker | None = None


def begin(url: str, make: MakeEncoder, threads: int) -> None:
    """In a process of its own: connect, and take so many threads."""
    global _worker
    # Whoever started it decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    _worker = Worker(VoiceStore.open(url), make())


def fill_here(row: ManifestRow) -> Outcome:
    """With what `begin` made."""
    assert _worker is not None  # noqa: S101 - begin ran first
    return _worker.fill(row)
