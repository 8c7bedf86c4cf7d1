"""Made-up voices of many people, as similar as real ones, in a store with known turns."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pgvoice.store import (
    EncoderIdentity,
    FillRun,
    SegmentKey,
    SegmentRow,
    Turn,
    VideoAudio,
    VoiceStore,
)
from pgvoice.store.recordings.segment_rows import Embedding
from pgvoice_testkit.stores.filled import THRESHOLD, unit

DIMENSION = 64
ENCODER = EncoderIdentity("voices", "sha256:5e1f5e1f5e1f5e1f", "1", DIMENSION, 16_000)
#: How similar a segment is to its speaker's voice, by its length in seconds.
NEARNESS = {1.5: 0.62, 3.0: 0.8, 6.0: 0.9}
PEOPLE = tuple(f"person {number}" for number in range(8))
STRANGERS = tuple(f"stranger {number}" for number in range(6))


def write(
    store: VoiceStore,
    video: str,
    people: Iterable[str] = PEOPLE + STRANGERS,
    *,
    each: int = 10,
    seed: int = 0,
    room: float = 0.0,
    encoder: EncoderIdentity = ENCODER,
) -> list[Turn]:
    """Store a video in which everybody speaks; returns who speaks when.

    The greater `room`, the more alike it makes everybody, in it and in others.
    """
    rng, at = np.random.default_rng(seed), 0.0
    common = room * unit(*np.random.default_rng(99).normal(size=DIMENSION))
    rows, turns = [], []
    for person in people:
        for number in range(each):
            seconds = list(NEARNESS)[number % len(NEARNESS)]
            key = SegmentKey(round(at * 1000), round((at + seconds) * 1000))
            rows.append(SegmentRow(key, "ok", unit(*(said(person, seconds, rng) + common))))
            turns.append(Turn(at, at + seconds, person))
            at += seconds + 0.5
    ids = store.recordings.register(
        video, VideoAudio(f"{seed:064x}", round(at * 1000), video), encoder, THRESHOLD
    )
    store.recordings.write(ids, encoder, rows)
    return turns


def talk(
    store: VoiceStore,
    video: str,
    people: Iterable[str],
    *,
    each: int = 6,
    seed: int = 0,
    room: float = 0.0,
) -> list[Turn]:
    """Store a video as a fill with labelled turns does."""
    turns = write(store, video, people, each=each, seed=seed, room=room)
    store.recordings.store_turns(video, turns)
    store.recordings.record_fill(video, ENCODER, FillRun(len(turns), 0, len(turns)))
    return turns


def enroll(store: VoiceStore, video: str, turns: Iterable[Turn], people: Iterable[str]) -> None:
    """Enroll people from a video's longest turns."""
    listed = list(turns)
    for person in people:
        spans = [
            (turn.start, turn.end)
            for turn in listed
            if turn.label == person and turn.end - turn.start > 5
        ]
        store.people.enroll_segments(person, video, spans, force=True, encoder=ENCODER)


def said(person: str, seconds: float, rng: np.random.Generator) -> Embedding:
    number = (PEOPLE + STRANGERS).index(person)
    voice = np.random.default_rng(1000 + number).normal(size=DIMENSION)
    noise = rng.normal(size=DIMENSION)
    near = NEARNESS[seconds]
    vector = near * voice / np.linalg.norm(voice)
    vector += np.sqrt(1 - near**2) * noise / np.linalg.norm(noise)
    return unit(*vector)
