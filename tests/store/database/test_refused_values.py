"""What SQL functions say about values they cannot answer, and how they show seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pgvoice_testkit.servers.databases import migrate, new_database, plain
from pgvoice_testkit.stores.filled import X, Y, Z, put, unit
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import PruneSelection, Turn, UnknownVideo, VoiceStore

#: A call, the SQLSTATE and the message.
UNKNOWN, INVALID = "P0002", "22023"
REFUSED = [
    ("identify('x')", UNKNOWN, "no video 'x' in the store"),
    ("identify(NULL)", UNKNOWN, "no video NULL in the store"),
    ("identify('v', encoder => 9)", UNKNOWN, "no encoder 9 in the store"),
    ("identify('v', encoder => NULL)", UNKNOWN, "no encoder NULL in the store"),
    ("identify('v', ARRAY[0,1], ARRAY[1])", INVALID, "2 in starts, 1 in ends"),
    ("identify('v', NULL, ARRAY[1])", INVALID, "none in starts, 1 in ends"),
    ("identify('v', starts_ms => ARRAY[0], ends_ms => '{}')", INVALID, "1 in starts, 0 in ends"),
    ("identify('v', ARRAY[0, NULL], ARRAY[1, 2])", INVALID, "the start NULL is no time"),
    ("identify('v', ARRAY[0], ARRAY[float8 'nan'])", INVALID, "the end NaN is no time"),
    ("identify('v', ARRAY[0], ARRAY[1e12])", INVALID, "the end 1000000000000 is no time"),
    ("identify('v', starts_ms => ARRAY[NULL]::int[], ends_ms => ARRAY[1])", INVALID,
     "the start NULL is no time"),
    ("identify('v', threshold => 'nan')", INVALID, "threshold is NaN, but must be from -1 to 1"),
    ("identify('v', threshold => 1.5)", INVALID, "threshold is 1.5, but must be from -1 to 1"),
    ("identify('v', min_margin => -0.1)", INVALID, "min_margin is -0.1, but must be from 0 to 2"),
    ("identify_clusters('x', ARRAY[0], ARRAY[1], ARRAY['A'])", UNKNOWN, "no video 'x'"),
    ("identify_clusters('v', ARRAY[0], ARRAY[1], ARRAY['A', 'B'])", INVALID,
     "1 in starts, 2 in clusters"),
    ("identify_clusters('v', ARRAY[0], ARRAY[1], ARRAY['A'], threshold => -2)", INVALID,
     "threshold is -2"),
    ("speaker_segments('x')", UNKNOWN, "no speaker 'x' in the store"),
    ("speaker_segments('ann', 9)", UNKNOWN, "no encoder 9"),
    ("speaker_segments('ann', max_rows => -1)", INVALID, "max_rows is -1, but must not be"),
    ("similar_segments('x', 0, 1.1)", UNKNOWN, "no video 'x'"),
    ("similar_segments('v', 0, 1.1, -3)", INVALID, "max_rows is -3, but must not be negative"),
    ("similar_segments('v', 0, 1.1, encoder => 9)", UNKNOWN, "no encoder 9"),
    ("similar_segments('v', 0, 1.1, min_seconds => -0.5)", INVALID, "min_seconds is -0.5"),
    ("similar_segments('v', 0, 1.1, videos => ARRAY['v', NULL])", UNKNOWN, "no video NULL"),
    ("similar_segments('v', 0, 1.1, excluded_speakers => ARRAY['x'])", UNKNOWN, "no speaker 'x'"),
    ("similar_segments('v', NULL, 1.1)", INVALID, "the start NULL is no time"),
    ("resolve_span('x', 0, 1)", UNKNOWN, "no video 'x'"),
    ("resolve_span('v', 'nan', 1)", INVALID, "the start NaN is no time"),
    ("label_segments('x', 'A')", UNKNOWN, "no video 'x'"),
    ("label_segments('v', 'C')", UNKNOWN, "no turns of 'C' in 'v'"),
    ("clear_segments('v', NULL)", UNKNOWN, "no turns of NULL in 'v'"),
    ("clear_segments('v', 'A', max_seconds => -1)", INVALID, "max_seconds is -1"),
    ("speaker_time('x')", UNKNOWN, "no video 'x'"),
    ("speaker_time(encoder => 9)", UNKNOWN, "no encoder 9"),
    ("coverage('x')", UNKNOWN, "no video 'x'"),
    ("coverage(encoder => 9)", UNKNOWN, "no encoder 9"),
    ("profile_quality('x')", UNKNOWN, "no speaker 'x'"),
    ("profile_quality(encoder => 9)", UNKNOWN, "no encoder 9"),
    ("people(ordered => 'x')", INVALID, "no order 'x'"),
    ("people(ordered => NULL)", INVALID, "no order NULL"),
    ("people(speakers => ARRAY['ann', 'x'])", UNKNOWN, "no speaker 'x'"),
    ("people(max_rows => -1)", INVALID, "max_rows is -1"),
    ("people(skipped => -1)", INVALID, "skipped is -1"),
    ("similar_people('x')", UNKNOWN, "no speaker 'x'"),
    ("similar_people('ann', -1)", INVALID, "max_rows is -1"),
    ("speaker_recordings('x')", UNKNOWN, "no speaker 'x'"),
    ("speaker_recordings('ann', -1)", INVALID, "max_rows is -1"),
    ("score_histogram(9)", UNKNOWN, "no encoder 9"),
    ("exemplar_similarity(99)", UNKNOWN, "no speaker with the id 99"),
    ("erased_segments('v', ARRAY[1], ARRAY[2, 3])", INVALID, "1 in starts, 2 in ends"),
    ("hearable('x', 0, 1000)", UNKNOWN, "no video 'x'"),
    ("hearable('v', 5, 5)", INVALID, "5 to 5 ms"),
    ("hearable('v', 0, 1000, 1001)", INVALID, "1001 ms of context"),
    ("keep_labels(ARRAY['v', 'x'])", UNKNOWN, "no video 'x'"),
    ("keep_labels(threshold => 7)", INVALID, "threshold is 7"),
    ("pin_label('x', 0, 1.1, 'ann')", UNKNOWN, "no video 'x'"),
    ("pin_label('v', 0, 1.1, 'x')", UNKNOWN, "no speaker 'x'"),
    ("pin_label('v', 0, 9, 'ann')", UNKNOWN, "no segment from 0 to 9 s in 'v'"),
    ("pin_labels('v', ARRAY[0], '{}', 'ann')", INVALID, "1 in starts, 0 in ends"),
    ("pin_labels('v', '{}', '{}', 'ann')", INVALID, "no segments to pin"),
    ("pin_label('v', 0, 1.1, NULL, false)", INVALID, "nobody cannot be denied"),
    ("pin_voice('v', 'X', 'ann')", UNKNOWN, "no turns of 'X' in 'v'"),
    ("words('x')", UNKNOWN, "no video 'x'"),
    ("unpin_label('x', 0, 1.1)", UNKNOWN, "no video 'x'"),
    ("refresh_nearest(9)", UNKNOWN, "no encoder 9"),
    ("drop_exemplar('x', 1)", UNKNOWN, "no speaker 'x'"),
    ("drop_exemplar('ann', 99)", UNKNOWN, "no exemplar 99 of 'ann'"),
    ("drop_exemplar('ann', 1)", "55000", "exemplar 1 is the last one in the profile of 'ann'"),
    ("drop_outliers('ann', 9)", UNKNOWN, "no encoder 9"),
    ("restore_exemplars('ann', 9)", UNKNOWN, "no encoder 9"),
    ("segment_trials(ARRAY['v'], ARRAY[0], ARRAY[1, 2], ARRAY['ann'])", INVALID, "2 in ends"),
    ("segment_trials(ARRAY['v'], ARRAY[0], ARRAY[1], '{}')", INVALID, "0 in speakers"),
    ("exemplar_trials(9)", UNKNOWN, "no encoder 9"),
    ("reset_calibration(9)", UNKNOWN, "no encoder 9"),
    ("segment_index_statements(9)", UNKNOWN, "no encoder 9"),
    ("verify(-1)", INVALID, "sample is -1, but must not be negative"),
    ("replace_audio('x', 'f')", UNKNOWN, "no video 'x'"),
    ("differing_segments('x', 1, '{0}', '{1}', '{NULL}')", UNKNOWN, "no video 'x'"),
    ("prune_segments('x')", UNKNOWN, "no video 'x'"),
    ("prune_segments(encoder => 9)", UNKNOWN, "no encoder 9"),
    ("prune_segments(older_than => '-1 day')", INVALID, "older_than is -1 days"),
]  # fmt: skip
#: Calls whose answers have seconds.
IN_SECONDS = [
    "identify('v')",
    "identify_clusters('v', NULL, NULL, NULL)",
    "speaker_segments('ann')",
    "similar_segments('v', 0, 1.1)",
    "resolve_span('v', 8, 12)",
    "label_segments('v', 'A')",
    "clear_segments('v', 'A')",
    "label",
    "speaker_time()",
    "coverage()",
    "profile_quality()",
    "people()",
    "ingest_progress()",
    "keep_labels(dry_run => true)",
    "drop_exemplar('bob', 2, true)",
]
_SECONDS = re.compile(r"(start|end|evidence)_s|(\w+_)?seconds(_left)?")
_AS_PEOPLE_WRITE = re.compile(r"\d+(\.\d{1,3})?")


@contextmanager
def _library(server_url: str, grid_ms: int) -> Iterator[VoiceStore]:
    """A store with this grid; ann has one exemplar, bob two."""
    fine = 0.01 if grid_ms == 10 else 0
    with new_database(server_url) as url:
        migrate(url, grid_ms=grid_ms)
        with VoiceStore.open(plain(url)) as store:
            rows = {
                (0, 1.1): X,
                (1.1, 3.3 + fine): Y,
                (8.3 - fine, 12.1): unit(3, 1, 0),
                (16.7, 18.1 + 7 * fine): unit(1, 3, 0),
                (20.2, 22.5): Z,
            }
            put(store, "v", rows)
            put(store, "w", {(0, 2.3): unit(3, 1, 0), (2.3, 5): Y})
            store.people.enroll_segments("ann", "v", [(0, 1.1)], min_speech=1)
            store.people.enroll_segments("bob", "v", [(1.1, 3.3 + fine), (16.7, 18.1 + 7 * fine)])
            turns = [Turn(start, end, "AB"[place % 2]) for place, (start, end) in enumerate(rows)]
            store.recordings.store_turns("v", turns)
            store.labels.label()
            with store.database.engine.begin() as connection:
                connection.execute(text(_WORK))
            yield store


@pytest.fixture(scope="module")
def library(server_url: str) -> Iterator[VoiceStore]:
    with _library(server_url, 100) as store:
        yield store


@pytest.fixture(scope="module", params=[100, 10])
def on_a_grid(server_url: str, request: pytest.FixtureRequest) -> Iterator[VoiceStore]:
    with _library(server_url, request.param) as store:
        yield store


_WORK = """
INSERT INTO pgvoice.ingest_video (ingest, video, document, state, filled, audio_seconds,
    work_seconds)
VALUES ('b', 'a', '{}', 'done', 1, 0.1, 0.7), ('b', 'b', '{}', 'done', 1, 0.2, 0.1),
    ('b', 'c', '{}', 'waiting', 0, 0, 0)
"""


@pytest.mark.parametrize(("call", "state", "message"), REFUSED)
def test_a_value_is_named(library: VoiceStore, call: str, state: str, message: str) -> None:
    with library.database.engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(f"SELECT * FROM pgvoice.{call}"))
    assert refused.value.orig is not None
    answer = refused.value.orig.diag  # type: ignore[attr-defined]
    assert (answer.sqlstate, message in answer.message_primary) == (state, True), answer
    assert answer.message_hint


@pytest.mark.parametrize("call", IN_SECONDS)
def test_seconds_are_shown_as_people_write_them(on_a_grid: VoiceStore, call: str) -> None:
    with on_a_grid.database.engine.connect() as connection:
        names = list(connection.execute(text(f"SELECT * FROM pgvoice.{call} LIMIT 0")).keys())
        seconds = [name for name in names if _SECONDS.fullmatch(name)]
        columns = ", ".join(f"{name}::text" for name in seconds)
        shown = connection.execute(text(f"SELECT {columns} FROM pgvoice.{call}")).all()
    assert seconds
    assert shown
    for value in (value for row in shown for value in row if value is not None):
        assert _AS_PEOPLE_WRITE.fullmatch(value), (call, value)


def test_python_refuses_the_same_values(library: VoiceStore) -> None:
    answers = library.answers
    with pytest.raises(ValueError, match="threshold is 7, but must be from -1 to 1: leave it out"):
        answers.identify("v", threshold=7)
    with pytest.raises(ValueError, match="max_rows is -1, but must not be negative: give"):
        answers.appearances("ann", limit=-1)
    with pytest.raises(ValueError, match="max_rows is -1"):
        answers.similar("v", (0, 1.1), limit=-1)
    with pytest.raises(ValueError, match="min_margin is NaN"):
        library.labels.label(min_margin=float("nan"))
    with pytest.raises(UnknownVideo):
        library.recordings.prune(PruneSelection(video="x"))
