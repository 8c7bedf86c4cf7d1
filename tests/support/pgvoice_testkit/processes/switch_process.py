"""A program that switches, and may kill itself: ``switch_process.py URL STATEMENT WORKERS``.

It dies before the statement of this number, or prints how many there were. With workers, one of
them dies as well, in the middle of its first recording.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Engine, event

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.ingest.engine import Here, Processes
from pgvoice.hooks.switch.switch import switch_encoder
from pgvoice.store import VoiceStore
from pgvoice_testkit.encoders.tone_encoder import ToneEncoder
from pgvoice_testkit.stores.switching.story import NEW, new_encoder


class Committing(ToneEncoder):
    """The new encoder, which gets a batch per segment; each is committed by itself."""

    def __init__(self, dies: bool = False) -> None:
        made = new_encoder(NEW)
        super().__init__(NEW, dimension=made.identity.dimension, unsure=1.5, batch_samples=1)
        self._dies = dies

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        if self._dies and len(self.calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(waveforms)


def main(url: str, statement: str, workers: str) -> None:
    sent = 0

    def count(*_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == int(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    with VoiceStore.open(url) as store:
        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", count)
        make = partial(Committing, dies=int(workers) > 0)
        engine = Processes(store, make, int(workers)) if int(workers) else Here(store, make)
        with engine:
            switch_encoder(store, engine=engine, retries=0)
    print(sent)  # noqa: T201 - for the caller


if __name__ == "__main__":
    main(*sys.argv[1:])
