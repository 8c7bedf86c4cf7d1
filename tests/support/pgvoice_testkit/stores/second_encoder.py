"""Libraries of made-up voices, filled with another encoder too, whose vectors are unrelated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from sqlalchemy import text

from pgvoice.store import (
    EncoderIdentity,
    FillRun,
    SegmentKey,
    SegmentRow,
    VideoAudio,
    VoiceStore,
)
from pgvoice.store.recordings.segment_rows import Embedding
from pgvoice_testkit.stores.filled import THRESHOLD, unit
from pgvoice_testkit.stores.unknown_voices import RECORDINGS
from pgvoice_testkit.stores.voices import DIMENSION, NEARNESS, PEOPLE, STRANGERS

#: With the dimension of the first encoder, and with another one.
OTHERS = tuple(
    EncoderIdentity("others", "sha256:0123456789abcdef", "1", dimension, 16_000)
    for dimension in (DIMENSION, 48)
)
_TURNS = text(
    "SELECT DISTINCT t.start_ms, t.end_ms, t.label, v.audio_sha256, v.duration_ms"
    " FROM pgvoice.turn AS t JOIN pgvoice.video AS v ON v.id = t.video_id"
    " WHERE v.key = :video ORDER BY t.start_ms, t.end_ms"
)


def fill_again(
    store: VoiceStore,
    encoder: EncoderIdentity,
    recordings: Mapping[str, tuple[str, ...]],
    videos: Iterable[str] | None = None,
    *,
    skipped: Iterable[tuple[str, str]] = (),
) -> None:
    """Fill recordings, whose labels are numbered by person, with another encoder.

    It finds the segments of the labels in `skipped`, of a recording each, too short.
    """
    missing = set(skipped)
    for video in recordings if videos is None else videos:
        with store.database.engine.connect() as connection:
            turns = connection.execute(_TURNS, {"video": video}).all()
        rng = np.random.default_rng(list(recordings).index(video))
        rows = []
        for start_ms, end_ms, label, _, _ in turns:
            key = SegmentKey(start_ms, end_ms)
            person = recordings[video][int(label.removeprefix("SPEAKER_"))]
            vector = said_otherwise(person, (end_ms - start_ms) / 1000, encoder.dimension, rng)
            is_missing = (video, label) in missing
            rows.append(
                SegmentRow(key, "too_short") if is_missing else SegmentRow(key, "ok", vector)
            )
        audio = VideoAudio(turns[0][3], turns[0][4], video)
        ids = store.recordings.register(video, audio, encoder, THRESHOLD)
        store.recordings.write(ids, encoder, rows)
        store.recordings.record_fill(video, encoder, FillRun(len(rows), 0, len(rows)))


def spans_of(store: VoiceStore, video: str, person: str) -> list[tuple[float, float]]:
    """When somebody speaks in one of `RECORDINGS`."""
    label = f"SPEAKER_{RECORDINGS[video].index(person):02}"
    return [(t.start, t.end) for t in store.recordings.turns(video) or [] if t.label == label]


def enroll_both(
    store: VoiceStore, name: str, video: str, person: str, most: int | None = None
) -> None:
    """Enroll somebody from one of `RECORDINGS`, with every encoder that filled it."""
    spans = spans_of(store, video, person)[:most]
    store.people.enroll_segments(name, video, spans, encoder="voices", force=True)
    for encoder in store.encoders.list():
        if encoder.identity.name != "voices":
            store.encoders.carry(encoder.identity, like="voices")


def said_otherwise(
    person: str, seconds: float, dimension: int, rng: np.random.Generator
) -> Embedding:
    """The vector of somebody's segment, which has nothing to do with that of the first encoder."""
    number = (PEOPLE + STRANGERS).index(person)
    voice = unit(*np.random.default_rng(5000 + number).normal(size=dimension))
    near = NEARNESS[seconds]
    return unit(*(near * voice + np.sqrt(1 - near**2) * unit(*rng.normal(size=dimension))))
