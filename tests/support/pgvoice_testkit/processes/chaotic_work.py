"""What is killed in chaotic rounds; each can be run again, and then ends as if nothing happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pgvoice.hooks import fill
from pgvoice.store import SegmentKey, SegmentRow, VideoAudio, VoiceStore
from pgvoice.store.keys import snap_segments
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.stores.exact_rows import all_bits

SEGMENTS = [(n * 0.5, n * 0.5 + 1.0) for n in range(120)]
#: Vectors beside those of the fills, so that labels and the index take a while.
BULK = 2000


@contextmanager
def using(folder: Path) -> Iterator[VoiceStore]:
    """A store whose server is left at the end, as at the end of a program."""
    with VoiceStore.open(folder=folder, consent=False) as store:
        try:
            yield store
        finally:
            assert store.database.server is not None
            store.database.server.stop()


def prepare(folder: Path, audio: Path) -> None:
    """Fill a recording undisturbed, and store many more vectors."""
    encoder = CountingEncoder()
    with using(folder) as store:
        fill(store, encoder, video="undisturbed", audio=audio, segments=SEGMENTS)
        store.people.enroll_segments("ann", "undisturbed", SEGMENTS[:2], force=True)
        vectors = np.random.default_rng(1).normal(size=(BULK, encoder.identity.dimension))
        unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        keys = [SegmentKey(n * 1000, n * 1000 + 1000) for n in range(BULK)]
        rows = [SegmentRow(key, "ok", vector) for key, vector in zip(keys, unit, strict=True)]
        ids = store.recordings.register(
            "bulk",
            VideoAudio("b" * 64, BULK * 1000, "bulk.wav"),
            encoder.identity,
            encoder.default_threshold,
        )
        store.recordings.write(ids, encoder.identity, rows)


def fill_one(folder: Path, audio: Path, number: int) -> None:
    """A recording of its own; its rows are those of the undisturbed one, bit for bit."""
    encoder = CountingEncoder(batch_samples=1)
    video, keys = f"fill {number}", snap_segments(SEGMENTS).distinct
    with using(folder) as store:
        fill(store, encoder, video=video, audio=audio, segments=SEGMENTS)
        read = store.recordings.read
        stored, expected = (read(name, encoder.identity, keys) for name in (video, "undisturbed"))
        assert len(stored) == len(SEGMENTS)
        assert all_bits(stored) == all_bits(expected)


def enroll(folder: Path, _audio: Path, number: int) -> None:
    with using(folder) as store:
        for person in range(4):
            name, spans = f"p{number} {person}", SEGMENTS[3 * person : 3 * person + 3]
            store.people.enroll_segments(name, "undisturbed", spans, force=True)
            assert len(store.people.exemplars(name)) == len(spans)


def merge(folder: Path, _audio: Path, number: int) -> None:
    with using(folder) as store:
        for person in range(4):
            name = f"m{number} {person}"
            store.people.enroll_segments(name, "undisturbed", SEGMENTS[20:24], force=True)
            store.people.merge(name, "ann", force=True)
            assert name not in {each.speaker for each in store.people.speakers()}


def label(folder: Path, _audio: Path, _number: int) -> None:
    with using(folder) as store:
        store.labels.label()


def build_index(folder: Path, _audio: Path, _number: int) -> None:
    with using(folder) as store:
        store.index.drop()
        store.index.build()
        (index,) = store.index.status()
        assert (index.indexed, index.invalid) == (index.parts, [])


def short_command(folder: Path, _audio: Path, _number: int) -> None:
    with using(folder) as store:
        store.encoders.list()


WORK: dict[str, Callable[[Path, Path, int], None]] = {
    "fill": fill_one,
    "enrollment": enroll,
    "merge": merge,
    "label run": label,
    "index build": build_index,
    "short command": short_command,
}
