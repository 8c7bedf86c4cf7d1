"""A fill from audio that measures itself: ``whole_run.py URL ENCODER SEGMENTER DEVICE AUDIO``.

Writes a `Measured` as JSON. It runs in a process of its own, so that nothing else counts.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pgvoice.cli.output import progress_bar
from pgvoice.hooks import FillReport, Segmenter, SegmenterAudio, fill, make_encoder, make_segmenter
from pgvoice.store import Turn, VoiceStore
from pgvoice_benchmarks.memory import peak_bytes
from pgvoice_benchmarks.timing import timed

VIDEO = "talk"
#: Seconds between two looks at the memory.
INTERVAL = 0.5


@dataclass
class Measured:
    """Seconds of the parts, and bytes of resident memory."""

    #: Before the models are loaded, with them, and at most.
    start: int = 0
    models: int = 0
    peak: int = 0
    #: (seconds since the start of the fill, bytes).
    memory: list[tuple[float, int]] = field(default_factory=list)
    audio: float = 0.0
    decoding: float = 0.0
    segmenting: float = 0.0
    embedding: float = 0.0
    joining: float = 0.0
    whole: float = 0.0
    #: Of this process, on all cores.
    processor: float = 0.0
    #: A second fill, which must neither open the audio nor call a model.
    second: float = 0.0
    second_works: bool = False
    turns: int = 0
    tracks: int = 0
    people: int = 0
    vectors: int = 0


class Listening:
    """A segmenter that remembers its turns, so that joining them can be timed alone."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self.heard: list[Turn] = []
        self.identity, self.device = segmenter.identity, segmenter.device
        self.labels_are_people = segmenter.labels_are_people

    def load(self) -> None:
        self._segmenter.load()

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        for turn in self._segmenter.turns(audio):
            self.heard.append(turn)
            yield turn


def main(url: str, encoder_name: str, segmenter_name: str, device: str, audio: str) -> None:
    found = Measured(start=peak_bytes())
    encoder = make_encoder(encoder_name, device=device or None)
    segmenter = Listening(make_segmenter(segmenter_name or None, device=device or None))
    encoder.load()
    segmenter.load()
    found.models = peak_bytes()
    with VoiceStore.open(url) as store, progress_bar("segmenting") as progress:

        def once() -> FillReport:
            return fill(
                *(store, encoder), video=VIDEO, audio=audio, segmenter=segmenter,
                on_segmenting=progress,
            )  # fmt: skip

        used = _processor()
        with _watched(found.memory):
            first = timed(once)
        found.processor, found.whole = _processor() - used, first.seconds
        again = timed(once)
        found.second = again.seconds
        found.second_works = again.result.decoded or again.result.encoder_calls > 0
        if not segmenter.labels_are_people:
            joined = timed(
                lambda: store.recordings.join_labels(VIDEO, encoder.identity, segmenter.heard)
            )
            found.joining = joined.seconds
        turns = store.recordings.turns(VIDEO) or []
    run = first.result.run
    found.decoding, found.embedding = run.decode_seconds, run.encode_seconds
    found.segmenting, found.vectors = first.result.segment_seconds, run.filled
    found.turns, found.people = len(turns), len({turn.label for turn in turns})
    found.tracks = len({turn.label for turn in segmenter.heard})
    found.peak = peak_bytes()
    sys.stdout.write(json.dumps(asdict(found)))


@contextmanager
def _watched(into: list[tuple[float, int]]) -> Iterator[None]:
    """Look at this process's resident memory while something runs."""
    done, start = threading.Event(), time.perf_counter()

    def watch() -> None:
        while not done.wait(INTERVAL):
            into.append((time.perf_counter() - start, psutil.Process().memory_info().rss))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
