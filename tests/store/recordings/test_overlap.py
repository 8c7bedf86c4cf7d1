"""Overlapping speech: how much of a turn others overlap, and its clean parts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import ENCODER, X, Y, put
from sqlalchemy import Connection, text

from pgvoice.store import SegmentKey, Turn, VoiceStore

#: In steps of 100 ms: start, length, label.
TURN = st.tuples(st.integers(0, 60), st.integers(0, 30), st.sampled_from(["a", "b", "c", None]))
#: b talks into a twice; c and somebody without a label share nothing that counts.
TURNS = [Turn(0, 5, "a"), Turn(1, 1.5, "b"), Turn(2, 6, "b"), Turn(5, 5.5), Turn(6, 9, "c")]


def _rows(connection: Connection, statement: str, **values: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(statement), values)]


def _overlapped(store: VoiceStore) -> list[tuple[Any, ...]]:
    with store.database.engine.connect() as connection:
        return _rows(connection, "SELECT overlapped_ms FROM pgvoice.turn ORDER BY place")


def _parts(store: VoiceStore) -> list[tuple[Any, ...]]:
    columns = "turn_start_ms, turn_end_ms, start_ms, end_ms"
    with store.database.engine.connect() as connection:
        return _rows(connection, f"SELECT {columns} FROM pgvoice.clean_part ORDER BY 1, 2, 3")


@settings(max_examples=150, deadline=None)
@given(turns=st.lists(TURN, max_size=12))
def test_clean_speech_is_where_no_other_label_speaks(
    server_connection: Connection, turns: list[tuple[int, int, str | None]]
) -> None:
    found = _rows(
        server_connection,
        "SELECT place - 1, overlapped_ms, ARRAY(SELECT ARRAY[lower(c), upper(c)] FROM"
        " unnest(clean) AS c) FROM pgvoice.clean_speech(CAST(:starts AS integer[]),"
        " CAST(:ends AS integer[]), CAST(:labels AS text[])) ORDER BY 1",
        starts=[100 * start for start, _, _ in turns],
        ends=[100 * (start + length) for start, length, _ in turns],
        labels=[label for _, _, label in turns],
    )
    assert found == [
        (place, 100 * len(shared), _stretches(own - shared))
        for place, (start, length, label) in enumerate(turns)
        if label is not None
        and (own := set(range(start, start + length)))
        and (shared := {step for step in own if _others(step, label, turns)})
    ]


def _others(step: int, label: str, turns: list[tuple[int, int, str | None]]) -> bool:
    return any(
        start <= step < start + length and other not in (label, None)
        for start, length, other in turns
    )


def _stretches(steps: set[int]) -> list[list[int]]:
    starts = sorted(step for step in steps if step - 1 not in steps)
    ends = sorted(step + 1 for step in steps if step + 1 not in steps)
    found = zip(starts, ends, strict=True)
    return [[100 * start, 100 * end] for start, end in found if end - start >= 6]


def test_turns_are_stored_with_their_overlap(store: VoiceStore) -> None:
    put(store, "v", {(0, 5): X})
    store.recordings.store_turns("v", TURNS)
    assert _overlapped(store) == [(3500,), (500,), (3000,), (0,), (0,)]
    assert _parts(store) == [(0, 5000, 0, 1000), (2000, 6000, 5000, 6000)]
    store.recordings.store_turns("v", [Turn(0.2, 0.5, "c")], add=True)
    assert _overlapped(store) == [(3800,), (500,), (3000,), (0,), (0,), (300,)]
    assert _parts(store) == [(2000, 6000, 5000, 6000)]
    store.recordings.store_turns("v", TURNS[:1])
    assert (_overlapped(store), _parts(store)) == ([(0,)], [])


def test_the_overlap_follows_the_labels(store: VoiceStore) -> None:
    """Whoever loses a label, when a person is erased, no longer overlaps anybody."""
    put(store, "v", {(0, 5): X})
    store.recordings.store_turns("v", TURNS)
    run(store.database.engine, "UPDATE pgvoice.turn SET label = NULL WHERE start_ms = 1000")
    assert _overlapped(store) == [(3000,), (0,), (3000,), (0,), (0,)]
    assert _parts(store) == [(0, 5000, 0, 2000), (2000, 6000, 5000, 6000)]
    run(store.database.engine, "DELETE FROM pgvoice.turn WHERE label = 'b'")
    assert (_overlapped(store), _parts(store)) == ([(0,), (0,), (0,), (0,)], [])
    store.privacy.erase_video("v")
    assert (_overlapped(store), _parts(store)) == ([], [])


def test_the_segments_of_turns_are_missing_with_their_clean_parts(store: VoiceStore) -> None:
    keys = [SegmentKey(round(turn.start * 1000), round(turn.end * 1000)) for turn in TURNS]
    labels = [turn.label for turn in TURNS]
    parts = [SegmentKey(0, 1000), SegmentKey(5000, 6000)]
    found = store.recordings.missing("v", ENCODER, keys, labels)
    assert found == sorted([*keys, *parts])
    put(store, "v", {(0, 5): X, (0, 1): Y})
    assert store.recordings.missing("v", ENCODER, keys, labels) == found[2:]
    assert store.recordings.missing("v", ENCODER, keys[1:], labels[1:]) == sorted(keys[1:])
    store.recordings.store_turns("v", TURNS)
    more = store.recordings.missing("v", ENCODER, [SegmentKey(7000, 7500)], ["a"], "add")
    assert more == [
        parts[1],
        SegmentKey(6000, 7000),
        SegmentKey(7000, 7500),
        SegmentKey(7500, 9000),
    ]
    alone = store.recordings.missing("v", ENCODER, keys[2:3], ["x"], "ignore")
    assert alone == [keys[2], parts[1]]
    assert store.recordings.missing("v", ENCODER, keys) == sorted(keys[1:])


def test_clean_segments_have_a_label_and_a_vector(store: VoiceStore) -> None:
    put(store, "v", {(0, 5): X, (0, 1): X, (2, 6): Y, (5, 6): "silent", (5, 5.5): X, (6, 9): Y})
    store.recordings.store_turns("v", TURNS)
    with store.database.engine.connect() as connection:
        found = _rows(
            connection,
            "SELECT c.* FROM pgvoice.video AS v CROSS JOIN LATERAL"
            " pgvoice_internal.clean_segments(v.id, pgvoice.default_encoder()) AS c ORDER BY 1",
        )
    assert found == [("a", 0, 1000), ("c", 6000, 9000)]
