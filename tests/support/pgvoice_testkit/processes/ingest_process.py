"""A program that runs an ingest, and may kill itself: ``ingest_process.py URL STATEMENT PATH...``.

It dies before the statement of this number, or prints how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, event

from pgvoice.hooks.ingest.engine import Here
from pgvoice.hooks.ingest.given import Given
from pgvoice.hooks.ingest.running import ingest
from pgvoice.store import VoiceStore
from pgvoice_testkit.encoders.pitch_encoder import PitchEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter


def make_encoder() -> PitchEncoder:
    """An encoder that commits a batch per segment."""
    return PitchEncoder(batch_samples=1)


def main(url: str, statement: str, *paths: str) -> None:
    sent = 0

    def count(*_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == int(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    with VoiceStore.open(url) as store:
        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", count)
        report = ingest(
            Here(store, make_encoder, CountingSegmenter), "killed", _given(paths), retries=0
        )
    assert not report.failed, report.failed
    print(sent)  # noqa: T201 - for the caller


def _given(paths: Iterable[str]) -> Given:
    return Given([Path(path) for path in paths])


if __name__ == "__main__":
    main(*sys.argv[1:])
