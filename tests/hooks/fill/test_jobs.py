"""Fills that wait for their turn: what ends them, and for whom they are done."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.waiting_encoder import WaitingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter

from pgvoice.hooks import SegmenterAudio
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.errors import JobStarted, QueueFull, UnknownJob
from pgvoice.hooks.fill.jobs import FillJobs, FillRequest
from pgvoice.store import Turn, VoiceStore

TURNS = [Turn(0, 1)]
_author: ContextVar[str] = ContextVar("author", default="nobody")


@pytest.fixture
def audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("talk", "other"):
        write(tmp_path / f"{name}.wav", voice(120, 3))
    monkeypatch.setenv("PGVOICE_AUDIO", str(tmp_path))


def test_the_end_cancels_what_waits_and_keeps_what_is_stored(
    store: VoiceStore, audio: None
) -> None:
    encoder, changes = WaitingEncoder(), threading.Event()
    jobs = FillJobs(store, make=lambda _: encoder, changed=changes.set)
    first = jobs.submit(FillRequest("talk", TURNS))
    second = jobs.submit(FillRequest("other", TURNS))
    assert changes.is_set()
    assert encoder.begun.wait(60)
    ending = threading.Thread(target=jobs.close)
    ending.start()
    while jobs.get(second.number).state != "cancelled":
        ending.join(0.01)
    encoder.go_on.set()
    ending.join()
    assert jobs.get(first.number).state == "cancelled"
    assert [each.embedded for each in store.recordings.coverage()] == [1]
    with pytest.raises(QueueFull):
        jobs.submit(FillRequest("talk", TURNS))
    with pytest.raises(JobStarted, match="cancelled"):
        jobs.cancel(first.number)
    with pytest.raises(UnknownJob):
        jobs.get(7)


class NotingEncoder(CountingEncoder):
    """Notes for whom it encodes."""

    authors: list[str] = []  # noqa: RUF012 - of the only one

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self.authors.append(_author.get())
        return super().encode(waveforms)


def test_a_fill_is_done_for_whom_it_was_asked(store: VoiceStore, audio: None) -> None:
    jobs = FillJobs(store, make=lambda _: NotingEncoder())
    _author.set("Alice")
    job = jobs.submit(FillRequest("talk", TURNS))
    _author.set("somebody else")
    while not jobs.get(job.number).has_ended:
        threading.Event().wait(0.01)
    jobs.close()
    assert NotingEncoder.authors == ["Alice"]


def test_the_end_stops_a_segmenter(store: VoiceStore, audio: None) -> None:
    """As soon as more audio is decoded; no turns are stored."""
    begun, go_on = threading.Event(), threading.Event()

    class Waiting(CountingSegmenter):
        def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
            begun.set()
            assert go_on.wait(60)
            yield from super().turns(audio)

    jobs = FillJobs(store, make=lambda _: CountingEncoder(), segmenting=lambda _: Waiting())
    job = jobs.submit(FillRequest("talk"))
    assert begun.wait(60)
    ending = threading.Thread(target=jobs.close)
    ending.start()
    while not jobs._closed.is_set():
        ending.join(0.01)
    go_on.set()
    ending.join()
    assert jobs.get(job.number).state == "cancelled"
    assert store.recordings.turn_source("talk") is None
