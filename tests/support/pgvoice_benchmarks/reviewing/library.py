"""Write a large library of made-up people, some enrolled and all others unknown voices.

Fills and linking would take hours. This copies their rows into the tables while triggers are off:
recordings, turns with text, vectors, the voices of labels, links to unknown voices, people and
labels. Means, profiles, cohorts and thresholds are computed by the store's own functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector.psycopg import register_vector
from sqlalchemy import Connection, text

from pgvoice.store import EncoderIdentity, Threshold, VoiceStore
from pgvoice.store.database.sessions import driver_connection
from pgvoice_benchmarks.linking.population import DIMENSION, Matrix, Population

ENCODER = EncoderIdentity("synthetic", "sha256:" + 64 * "0", "1", DIMENSION, 16_000)
THRESHOLD = Threshold(0.4, "that of CAM++")
#: Segments of a voice, milliseconds of each, and the share of a segment that is the voice's.
SEGMENTS, LENGTHS, OWN = 20, (1500, 3000, 6000), 0.8
#: Voices of a recording, and voices of an unknown voice on average.
IN_RECORDING, LINKED = 10, 5
#: Every so many unknown voices is somebody like an enrolled person: from, to this similarity.
SUGGESTED, LIKE = 10, (0.3, 0.7)
_PAUSE, _CLIP = 500, 3000
_SAID = (
    "the plan for next week is not what we said about water and light in the north so let us ask"
    " who was there and why nobody wrote it down before they left"
)
_WORDS = _SAID.split()
_TABLES = {
    "video": ("key", "audio_sha256", "duration_ms", "source"),
    "turn_document": ("video_id",),
    "turn": ("video_id", "place", "start_s", "end_s", "start_ms", "end_ms", "label", "text"),
    "segment_embedding": (
        *("video_id", "start_ms", "end_ms", "encoder_id", "dimension", "embedding", "status"),
    ),
    "voice": (
        *("video_id", "label", "encoder_id", "dimension", "embedding", "clean_ms", "speech_ms"),
        *("segments", "clip_start_ms", "clip_end_ms"),
    ),
}
_TYPES = {"embedding": "vector", "key": "text", "label": "text", "status": "text", "text": "text"}
_TYPES |= {"audio_sha256": "text", "source": "text", "video_id": "int8", "speech_ms": "int8"}
_TYPES |= {"start_s": "float8", "end_s": "float8"}
Row = Sequence[object]


class People(Population):
    """Some of those who are not enrolled sound like somebody who is."""

    def __init__(self, unknown: int, enrolled: int, recordings: int, seed: int = 0) -> None:
        voices = max(LINKED * (unknown + enrolled), recordings)
        super().__init__(unknown + enrolled, voices, recordings, seed)
        object.__setattr__(self, "enrolled", enrolled)

    enrolled: int

    def is_enrolled(self, person: int) -> bool:
        """Whether somebody is enrolled: some of those who are heard most, and some others."""
        each = self.people // self.enrolled
        return person % each == 0 and person < each * self.enrolled

    @cached_property
    def _people(self) -> Matrix:
        own = super()._people.copy()
        rng = np.random.default_rng((self.seed, 4))
        names = [person for person in range(self.people) if self.is_enrolled(person)]
        others = [person for person in range(self.people) if not self.is_enrolled(person)]
        for person in others[::SUGGESTED]:
            like = rng.uniform(*LIKE)
            mixed = like * own[rng.choice(names)] + np.sqrt(1 - like**2) * own[person]
            own[person] = mixed / np.linalg.norm(mixed)
        return own


def key(recording: int) -> str:
    return f"recording {recording}"


def build(store: VoiceStore, *, segments: int, unknown: int, enrolled: int) -> People:
    """Fill an empty store that keeps text, as its owner; returns who speaks in it."""
    recordings = max(segments // (SEGMENTS * IN_RECORDING), 20)
    people = People(unknown, enrolled, recordings)
    each = max(round(segments / len(people.all.people)), 1)
    ids = store.recordings.register("first", None, ENCODER, THRESHOLD)
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE pgvoice.setting SET linking = true"))
    with store.database.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        writer = _Writer(connection, people, ids.encoder_id, each)
        writer.recordings()
        for first in range(0, recordings, 200):
            writer.speech(range(first, min(first + 200, recordings)))
        names = [person for person in range(people.people) if people.is_enrolled(person)]
        asked = {"enrolled": names, "encoder": ids.encoder_id}
        for statement in _DERIVED:
            connection.execute(text(statement), asked)
    with store.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    store.thresholds.refresh()
    with store.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return people


class _Writer:
    """Copies rows in one transaction."""

    def __init__(self, connection: Connection, people: People, encoder: int, each: int) -> None:
        self._connection, self._people, self._encoder, self._each = (
            *(connection, people, encoder, each),
        )
        self._driver = driver_connection(connection)
        register_vector(self._driver)
        self._bounds = np.searchsorted(people.all.recordings, np.arange(people.recordings + 1))

    def recordings(self) -> None:
        count = self._people.recordings
        _copy(
            self._driver,
            "video",
            ((key(each), f"{each:064x}", 3_600_000, f"{key(each)}.wav") for each in range(count)),
        )
        rows = self._connection.execute(text("SELECT key, id FROM pgvoice.video")).all()
        found = {row.key: row.id for row in rows}
        self._ids = [found[key(each)] for each in range(count)]
        _copy(self._driver, "turn_document", ((each,) for each in self._ids))

    def speech(self, recordings: Iterable[int]) -> None:
        """Write what is said in these recordings."""
        turns: list[Row] = []
        vectors: list[Row] = []
        voices: list[Row] = []
        for recording in recordings:
            for rows, written in zip(
                (turns, vectors, voices), self._recording(recording), strict=True
            ):
                rows.extend(written)
        _copy(self._driver, "turn", turns)
        _copy(self._driver, "segment_embedding", vectors)
        _copy(self._driver, "voice", voices)

    def _recording(self, recording: int) -> tuple[list[Row], list[Row], list[Row]]:
        """Its turns, vectors and voices: everybody speaks one after the other."""
        rng = np.random.default_rng((self._people.seed, 5, recording))
        video, all_ = self._ids[recording], self._people.all
        places = range(self._bounds[recording], self._bounds[recording + 1])
        turns: list[Row] = []
        vectors: list[Row] = []
        voices: list[Row] = []
        at = 0
        for place in places:
            number = int(rng.integers(1, 2 * self._each)) if self._each > 1 else 1
            lengths = rng.choice(LENGTHS, number)
            spoken = _spoken(rng, all_.vectors[place], number)
            mean = (lengths[:, None] * spoken).sum(axis=0)
            label = f"SPEAKER_{all_.people[place]}"
            starts = at + np.concatenate([[0], np.cumsum(lengths + _PAUSE)[:-1]])
            ends = starts + lengths
            for start, end, vector in zip(starts.tolist(), ends.tolist(), spoken, strict=True):
                said = " ".join(rng.choice(_WORDS, (end - start) // 400))
                turns.append(
                    (video, len(turns) + 1, start / 1000, end / 1000, start, end, label, said)
                )
                vectors.append((video, start, end, self._encoder, DIMENSION, vector, "ok"))
            unit, total = mean / np.linalg.norm(mean), int(lengths.sum())
            longest = int(lengths.argmax())
            clip = int(starts[longest]), int(ends[longest])
            row = video, label, self._encoder, DIMENSION, unit, total, total, number, *clip
            voices.append(row)
            at = int(starts[-1] + lengths[-1]) + _PAUSE
        return turns, vectors, voices


def _spoken(
    rng: np.random.Generator, voice: NDArray[np.float32], number: int
) -> NDArray[np.float32]:
    noise = rng.standard_normal((number, DIMENSION), np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    mixed = np.sqrt(OWN) * voice + np.sqrt(1 - OWN) * noise
    unit: NDArray[np.float32] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return unit


def _copy(driver: psycopg.Connection[object], table: str, rows: Iterable[Row]) -> None:
    columns = _TABLES[table]
    statement = f"COPY pgvoice.{table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types([_TYPES.get(column, "int4") for column in columns])
        for row in rows:
            copy.write_row(row)


#: What follows from what was copied; labels end with the person's number.
_DERIVED = (
    "CREATE TEMPORARY TABLE heard ON COMMIT DROP AS"
    " SELECT v.video_id, v.label, CAST(substr(v.label, 9) AS bigint) AS person"
    " FROM pgvoice.voice v",
    "ALTER TABLE pg_temp.heard ADD COLUMN enrolled boolean",
    "UPDATE pg_temp.heard SET enrolled = person = ANY (CAST(:enrolled AS bigint[]))",
    "ANALYZE pg_temp.heard",
    "INSERT INTO pgvoice.voice_cohort"
    " (video_id, encoder_id, near, voices, recordings, across, within)"
    " SELECT h.video_id, :encoder, '{}', count(*), 0, 0, 0 FROM pg_temp.heard h"
    " GROUP BY h.video_id",
    "INSERT INTO pgvoice.unknown_voice (id) OVERRIDING SYSTEM VALUE"
    " SELECT DISTINCT h.person + 1 FROM pg_temp.heard h WHERE NOT h.enrolled",
    "INSERT INTO pgvoice.linked_voice"
    " (video_id, label, encoder_id, unknown_voice_id, impostor_mean, level)"
    " SELECT h.video_id, h.label, :encoder, h.person + 1, 0.1, 0.2"
    " FROM pg_temp.heard h WHERE NOT h.enrolled",
    "SELECT setval(pg_get_serial_sequence('pgvoice.unknown_voice', 'id'), max(u.id))"
    " FROM pgvoice.unknown_voice u",
    "ANALYZE pgvoice.linked_voice, pgvoice.voice, pgvoice.turn, pgvoice.segment_embedding",
    "SELECT pgvoice_internal.keep_means(ARRAY(SELECT u.id FROM pgvoice.unknown_voice u))",
    "INSERT INTO pgvoice.speaker (name, enrolled_from)"
    " SELECT DISTINCT 'Person ' || h.person, now() FROM pg_temp.heard h WHERE h.enrolled",
    "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms,"
    " end_ms, audio_sha256, video_id, source)"
    " SELECT p.id, e.encoder_id, e.dimension, e.embedding, e.start_ms, e.end_ms, v.audio_sha256,"
    " v.id, v.key FROM (SELECT h.*, row_number() OVER (PARTITION BY h.person ORDER BY h.video_id)"
    " AS n FROM pg_temp.heard h WHERE h.enrolled) h"
    " JOIN pgvoice.speaker p ON p.name = 'Person ' || h.person"
    " JOIN pgvoice.video v ON v.id = h.video_id"
    " JOIN pgvoice.voice o ON o.video_id = h.video_id AND o.label = h.label"
    " JOIN pgvoice.segment_embedding e ON e.video_id = h.video_id"
    " AND e.start_ms = o.clip_start_ms AND e.end_ms = o.clip_end_ms WHERE h.n <= 5",
    "SELECT pgvoice_internal.refresh_profile(p.id, :encoder) FROM pgvoice.speaker p",
    "UPDATE pgvoice.profile SET valid_until = 'infinity'",
    "INSERT INTO pgvoice.attribution_run (encoder_id, kind, changed)"
    " SELECT :encoder, 'label', count(*) FROM pgvoice.turn",
    "INSERT INTO pgvoice.attribution (run_id, video_id, start_ms, end_ms, encoder_id, speaker_id,"
    " similarity, margin, reason, current)"
    " SELECT r.id, t.video_id, t.start_ms, t.end_ms, :encoder, p.id,"
    " CASE WHEN p.id > 0 THEN 0.7 END, CASE WHEN p.id > 0 THEN 0.3 END,"
    " CASE WHEN p.id > 0 THEN 'matched' ELSE 'below_threshold' END, true"
    " FROM pgvoice.attribution_run r CROSS JOIN pgvoice.turn t"
    " LEFT JOIN pgvoice.speaker p ON p.name = 'Person ' || substr(t.label, 9)",
)
