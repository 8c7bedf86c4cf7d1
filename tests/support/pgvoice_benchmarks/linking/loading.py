"""Write a synthetic population into a store, faster than fills do.

Fills of 30,000 recordings would take hours and disk for millions of segments. This writes what
linking reads (recordings, turns, voices, cohorts) as rows, and segments only for the recordings
that the library's tail is fitted to. A voice has one turn, or several if it has segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import psycopg
from pgvector.psycopg import register_vector
from sqlalchemy import text

from pgvoice.store import EncoderIdentity, Threshold, VoiceStore
from pgvoice.store.database.sessions import driver_connection
from pgvoice_benchmarks.linking.population import DIMENSION, Population, Voices

ENCODER = EncoderIdentity("synthetic", "sha256:" + 64 * "0", "1", DIMENSION, 16_000)
THRESHOLD = Threshold(0.4, "that of CAM++")
#: Recordings with segments; fit_library takes as many.
FITTED = 200
#: Milliseconds: the length of a segment, and the shortest.
SEGMENT, SHORTEST = 4000, 600
GRID = 100
_PAUSE = 500
_TABLES = {
    "video": ("key", "audio_sha256"),
    "turn_document": ("video_id",),
    "turn": ("video_id", "place", "start_s", "end_s", "start_ms", "end_ms", "label"),
    "segment_embedding": (
        *("video_id", "start_ms", "end_ms", "encoder_id", "dimension", "embedding", "status"),
    ),
    "voice": (
        *("video_id", "label", "encoder_id", "dimension", "embedding", "clean_ms", "segments"),
        *("clip_start_ms", "clip_end_ms"),
    ),
    "voice_cohort": (
        *("video_id", "encoder_id", "near", "voices", "recordings", "across", "within"),
    ),
}
_TYPES = {"embedding": "vector", "near": "int8[]", "key": "text", "label": "text", "status": "text"}
_TYPES |= {"audio_sha256": "text", "video_id": "int8", "start_s": "float8", "end_s": "float8"}
Row = Sequence[object]


class Turns(NamedTuple):
    """The segments of a voice: starts and ends in milliseconds."""

    starts: list[int]
    ends: list[int]


def key(recording: int) -> str:
    return f"recording {recording}"


def label(person: int) -> str:
    """What the diarizer calls somebody: the person, to know the truth, not to link by."""
    return f"SPEAKER_{person}"


class Loader:
    """Writes recordings of a population; each `load` is one transaction."""

    def __init__(self, store: VoiceStore, population: Population) -> None:
        self._store, self._population = store, population
        store.recordings.register("first", None, ENCODER, THRESHOLD)
        self._bounds = np.searchsorted(
            population.all.recordings, np.arange(population.recordings + 1)
        )

    def load(self, recordings: Sequence[int], *, segments: bool) -> None:
        """Write these recordings, with segments if they are part of the sample."""
        with self._store.database.engine.begin() as connection:
            driver = driver_connection(connection)
            register_vector(driver)
            _copy(driver, "video", ((key(each), f"{each:064x}") for each in recordings))
            rows = connection.execute(text("SELECT key, id FROM pgvoice.video")).all()
            found = {row.key: row.id for row in rows}
            ids = {each: found[key(each)] for each in recordings}
            sample = self._sample(ids) if segments else set()
            _copy(driver, "turn_document", ((each,) for each in ids.values()))
            _copy(driver, "turn", self._turns(ids, sample))
            _copy(driver, "segment_embedding", self._segments(ids, sample))
            _copy(driver, "voice", self._voices(ids))
            _copy(driver, "voice_cohort", self._cohorts(ids))

    def _of(self, recording: int) -> tuple[range, Voices]:
        places = range(self._bounds[recording], self._bounds[recording + 1])
        return places, self._population.all

    def _sample(self, ids: dict[int, int]) -> set[int]:
        """The recordings that fit_library chooses: those with the lowest hashes."""
        several = {ids[each]: each for each in ids if len(self._of(each)[0]) >= 2}
        with self._store.database.engine.connect() as connection:
            hashed = connection.execute(
                text("SELECT id FROM unnest(CAST(:ids AS bigint[])) AS id ORDER BY hashint8(id)"),
                {"ids": list(several)},
            )
            return {several[row.id] for row in hashed.all()[:FITTED]}

    def _spoken(self, recording: int, sample: set[int]) -> Iterator[tuple[int, Turns]]:
        """The voices of a recording by their place in the population, one after the other."""
        at = 0
        places, voices = self._of(recording)
        for place in places:
            spoken = round(voices.seconds[place] * 1000 / GRID) * GRID
            longest = SEGMENT if recording in sample else spoken
            lengths = [longest] * (spoken // longest)
            if spoken % longest >= SHORTEST:
                lengths.append(spoken % longest)
            ends = [at + each for each in accumulate(ms + _PAUSE for ms in lengths)]
            yield place, Turns([at, *ends[:-1]], [end - _PAUSE for end in ends])
            at = ends[-1]

    def _turns(self, ids: dict[int, int], sample: set[int]) -> Iterator[Row]:
        for recording, video in ids.items():
            number = 0
            for place, turns in self._spoken(recording, sample):
                who = label(int(self._population.all.people[place]))
                for start, end in zip(*turns, strict=True):
                    number += 1
                    yield video, number, start / 1000, end / 1000, start, end, who

    def _segments(self, ids: dict[int, int], sample: set[int]) -> Iterator[Row]:
        for recording in sample & ids.keys():
            rng = np.random.default_rng((self._population.seed, 3, recording))
            for place, turns in self._spoken(recording, sample):
                seconds = (np.array(turns.ends) - np.array(turns.starts)) / 1000
                people = np.full(len(seconds), self._population.all.people[place])
                rooms = np.full(len(seconds), recording)
                vectors = self._population.spoken(rng, people, rooms, seconds)
                for start, end, vector in zip(*turns, vectors, strict=True):
                    yield ids[recording], start, end, 1, DIMENSION, vector, "ok"

    def _voices(self, ids: dict[int, int]) -> Iterator[Row]:
        for recording, video in ids.items():
            at = 0
            places, voices = self._of(recording)
            for place in places:
                ms = round(voices.seconds[place] * 1000)
                who, vector = label(int(voices.people[place])), voices.vectors[place]
                yield video, who, 1, DIMENSION, vector, ms, 1, at, at + min(ms, 8000)
                at += ms

    def _cohorts(self, ids: dict[int, int]) -> Iterator[Row]:
        for recording, video in ids.items():
            yield video, 1, [], len(self._of(recording)[0]), 0, 0, 0


def _copy(driver: psycopg.Connection[object], table: str, rows: Iterable[Row]) -> None:
    columns = _TABLES[table]
    statement = f"COPY pgvoice.{table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types([_TYPES.get(column, "int4") for column in columns])
        for row in rows:
            copy.write_row(row)


def truth(store: VoiceStore) -> tuple[list[int], list[int]]:
    """The person and the unknown voice of each voice; a negative number if it is not linked."""
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT CAST(substr(v.label, 9) AS integer), coalesce(l.unknown_voice_id,"
                " -row_number() OVER ()) FROM pgvoice.voice AS v"
                " LEFT JOIN pgvoice.linked_voice AS l USING (video_id, label, encoder_id)"
            )
        ).all()
    return [row[0] for row in rows], [row[1] for row in rows]
