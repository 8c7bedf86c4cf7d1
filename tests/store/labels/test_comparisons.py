"""The two nearest of many profiles, against a sort of all pairs: the same people, bit for bit."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from pgvoice_testkit.stores.filled import ENCODER, unit
from pgvoice_testkit.stores.libraries import Library
from sqlalchemy import Connection, text

#: From this number on, a speaker id does not fit into a key.
LARGE = 2**20
#: Profiles that are compared in one step.
STEP = 500

_ENROLL = (
    text(
        "INSERT INTO pgvoice.speaker (id, name) OVERRIDING SYSTEM VALUE"
        " SELECT id, 'person ' || id FROM unnest(CAST(:ids AS bigint[])) AS id"
    ),
    text(
        "INSERT INTO pgvoice.profile"
        " (speaker_id, encoder_id, dimension, embedding, exemplars, cohesion)"
        " SELECT p.id, :encoder, :dimension, CAST(p.vector AS vector), 1, 1"
        " FROM unnest(CAST(:ids AS bigint[]), CAST(:vectors AS text[])) AS p(id, vector)"
    ),
)
_PAIRS = text(
    "SELECT s.start_ms, p.speaker_id, -(s.embedding <#> p.embedding)"
    " FROM pgvoice.segment_embedding AS s CROSS JOIN pgvoice.valid_profile AS p"
    " WHERE s.encoder_id = :encoder AND p.encoder_id = :encoder AND s.embedding IS NOT NULL"
)
_KEPT = text(
    "SELECT start_ms, nearest_id, similarity, runner_up_id, runner_up_similarity"
    " FROM pgvoice.nearest WHERE encoder_id = :encoder AND status = 'ok'"
)
_EXPIRE = "UPDATE pgvoice.profile SET valid_until = '-infinity' WHERE speaker_id % 5 = 0"


@pytest.mark.parametrize("first_id", [1, LARGE - 3], ids=["small ids", "large ids"])
@pytest.mark.parametrize("people", [0, 1, 2, 3, 37, STEP, STEP + 1, 2 * STEP + 7])
def test_the_two_nearest_are_those_of_all_pairs(
    connection: Connection, people: int, first_id: int
) -> None:
    rng = np.random.default_rng(people)
    library = _library(connection, rng)
    ids = list(range(first_id, first_id + people))
    _enroll(library, rng, ids)
    library.refresh()
    assert _kept(library) == _by_sorting(library)


@pytest.mark.parametrize("fresh", [1, 2, 30, STEP + 1])
@pytest.mark.parametrize("people", [1, 2, 40])
def test_fresh_profiles_enter_where_they_are_nearer(
    connection: Connection, people: int, fresh: int
) -> None:
    rng = np.random.default_rng(fresh)
    library = _library(connection, rng)
    ids = rng.permutation(np.arange(1, people + fresh + 1)).tolist()
    _enroll(library, rng, ids[:people])
    library.refresh()
    _enroll(library, rng, ids[people:])
    assert library.refresh().fresh_profiles == fresh
    assert _kept(library) == _by_sorting(library)


def test_expired_profiles_are_not_compared(connection: Connection) -> None:
    rng = np.random.default_rng(5)
    library = _library(connection, rng)
    _enroll(library, rng, list(range(1, 41)))
    library.refresh()
    before = _kept(library)
    # Otherwise a trigger computes it from consents.
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text(_EXPIRE))
    connection.execute(text("RESET session_replication_role"))
    library.refresh()
    assert _kept(library) == _by_sorting(library) != before


def test_factors_are_exact_whatever_digits_the_session_prints(connection: Connection) -> None:
    rng = np.random.default_rng(7)
    library = _library(connection, rng)
    _enroll(library, rng, list(range(1, 41)))
    connection.execute(text("SET LOCAL extra_float_digits = -15"))
    library.refresh()
    connection.execute(text("RESET extra_float_digits"))
    assert _kept(library) == _by_sorting(library)


def _library(connection: Connection, rng: np.random.Generator) -> Library:
    library = Library(connection)
    for place in range(30):
        library.fill("v", place, _direction(rng))
    library.fill("v", 30, "silent")
    return library


def _direction(rng: np.random.Generator) -> np.ndarray:
    """One of few directions, so that many similarities are equal, zero or negative."""
    while not (drawn := rng.integers(-2, 3, ENCODER.dimension)).any():
        pass
    return unit(*drawn)


def _enroll(library: Library, rng: np.random.Generator, ids: list[int]) -> None:
    """Store profiles; enrollments one by one would take most of the test's time."""
    values = {
        "ids": ids,
        "vectors": [str(_direction(rng).tolist()) for _ in ids],
        "encoder": library.encoder.id,
        "dimension": ENCODER.dimension,
    }
    for statement in _ENROLL:
        library.connection.execute(statement, values)


def _kept(library: Library) -> dict[int, tuple[object, ...]]:
    rows = library.connection.execute(_KEPT, {"encoder": library.encoder.id})
    return {start: tuple(two) for start, *two in rows}


def _by_sorting(library: Library) -> dict[int, tuple[object, ...]]:
    """What should be kept of each segment with a vector."""
    pairs = defaultdict[int, list[tuple[float, int]]](list)
    for start, speaker, similarity in library.connection.execute(
        _PAIRS, {"encoder": library.encoder.id}
    ):
        pairs[start].append((-similarity, speaker))
    found: dict[int, tuple[object, ...]] = {}
    for place in range(30):
        two = sorted(pairs[place * 1000])[:2]
        flat = [value for distance, speaker in two for value in (speaker, -distance)]
        found[place * 1000] = (*flat, *[None] * (4 - len(flat)))
    return found
