"""People enrolled with a few given vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from sqlalchemy import text

from pgvoice.store import Enrollment, Exemplar, SegmentKey, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, unit

#: The opposite of X, which no real voice is, and a vector close to X.
MINUS_X, NEAR_X = unit(-1, 0, 0), unit(9, 1, 0)


def exemplars(
    vectors: Sequence[Embedding], *, step: int = 1000, audio: str = "ann.wav"
) -> list[Exemplar]:
    """Exemplars of one second each, one every `step` milliseconds of a file."""
    sha256 = hashlib.sha256(audio.encode()).hexdigest()
    spans = [SegmentKey(step * i, step * i + 1000) for i in range(len(vectors))]
    return [Exemplar(v, sha256, span, audio) for v, span in zip(vectors, spans, strict=True)]


def enroll(
    store: VoiceStore, name: str, *vectors: Embedding, force: bool = False, step: int = 1000
) -> Enrollment:
    """Enroll somebody from a file of their own, as in `exemplars`."""
    made = exemplars(vectors, step=step, audio=f"{name}.wav")
    return store.people.enroll(name, made, ENCODER, THRESHOLD, min_speech=1, force=force)


def near(direction: Embedding, number: int, spread: float = 0.15) -> list[Embedding]:
    """Vectors around a direction, the same in each run."""
    noise = np.random.default_rng(1).normal(scale=spread, size=(number, 3))
    return [unit(*(direction + away)) for away in noise]


def profile(store: VoiceStore, name: str) -> tuple[object, ...]:
    """A profile's vector, number of exemplars and time of the last change."""
    with store.database.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT CAST(p.embedding AS text), p.exemplars, p.updated_at FROM pgvoice.profile p"
                " JOIN pgvoice.speaker s ON s.id = p.speaker_id WHERE s.name = :name"
            ),
            {"name": name},
        ).one()
    return tuple(found)
