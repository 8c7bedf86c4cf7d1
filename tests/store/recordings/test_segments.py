"""Missing rows, written rows, and rows that the table refuses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.stores.exact_rows import all_bits, bits
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, X, Y, put, unit

from pgvoice.store import EncoderIdentity, SegmentKey, SegmentRow, VoiceStore
from pgvoice.store.errors import RowsRefused, RowsStored
from pgvoice.store.statuses import SKIPPED_STATUSES

_videos = itertools.count()
KEYS = [SegmentKey(0, 1000), SegmentKey(0, 2000), SegmentKey(1000, 2000)]


def test_missing_compares_the_whole_key(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): "silent"})
    assert store.recordings.missing("v", ENCODER, KEYS) == [SegmentKey(0, 2000)]
    assert store.recordings.missing("v", OTHER_ENCODER, KEYS) == KEYS
    assert store.recordings.missing("w", ENCODER, KEYS) == KEYS


def test_nothing_asked_nothing_missing(store: VoiceStore) -> None:
    assert store.recordings.missing("v", ENCODER, []) == []


def test_read_gives_vectors_and_statuses_bit_for_bit(store: VoiceStore) -> None:
    vector = unit(0.1, -0.2, 1e-7)
    put(store, "v", {(0, 1): vector, (1, 2): "silent"})
    rows = store.recordings.read("v", ENCODER, KEYS)
    assert set(rows) == {KEYS[0], KEYS[2]}
    assert rows[KEYS[2]] == (KEYS[2], "silent", None)
    assert bits(rows[KEYS[0]]) == ("ok", vector.tobytes())


@given(data=st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_copied_batch_comes_back_as_it_was(store: VoiceStore, data: st.DataObject) -> None:
    dimension = data.draw(st.sampled_from([1, 2, 192, 512]))
    encoder = EncoderIdentity("wide", f"sha256:{dimension}", "1", dimension, 16_000)
    spans = data.draw(
        st.sets(st.tuples(st.integers(0, 50), st.integers(51, 10_000)), min_size=1, max_size=30)
    )
    noise = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rows = []
    for start, end in spans:
        key = SegmentKey(start * 100, end * 100)
        status = data.draw(st.sampled_from(["ok", "partial", *SKIPPED_STATUSES]))
        vector = unit(*noise.normal(size=dimension)) if status in ("ok", "partial") else None
        rows.append(SegmentRow(key, status, vector))
    video = f"v{next(_videos)}"
    store.recordings.write(
        store.recordings.register(video, None, encoder, THRESHOLD), encoder, rows
    )
    found = store.recordings.read(video, encoder, [row.key for row in rows])
    assert all_bits(found) == {row.key: bits(row) for row in rows}


@pytest.mark.parametrize(
    "row",
    [
        SegmentRow(SegmentKey(0, 1000), "ok"),
        SegmentRow(SegmentKey(0, 1000), "silent", X),
        SegmentRow(SegmentKey(0, 1000), "unheard_of"),
        SegmentRow(SegmentKey(2000, 1000), "silent"),
        SegmentRow(SegmentKey(-100, 1000), "silent"),
        SegmentRow(SegmentKey(0, 1000), "ok", X * 2),
        SegmentRow(SegmentKey(0, 1000), "ok", X * 0),
    ],
)
def test_the_table_refuses_what_makes_no_sense(store: VoiceStore, row: SegmentRow) -> None:
    ids = store.recordings.register("v", None, ENCODER, THRESHOLD)
    with pytest.raises(RowsRefused):
        store.recordings.write(ids, ENCODER, [row])


def test_a_vector_that_is_not_finite_never_gets_in(store: VoiceStore) -> None:
    ids = store.recordings.register("v", None, ENCODER, THRESHOLD)
    with pytest.raises(Exception, match="NaN"):
        store.recordings.write(ids, ENCODER, [SegmentRow(KEYS[0], "ok", X * np.float32("nan"))])


def test_a_vector_of_another_dimension_never_gets_in(store: VoiceStore) -> None:
    ids = store.recordings.register("v", None, ENCODER, THRESHOLD)
    wide = EncoderIdentity("wide", "sha256:1", "1", 4, 16_000)
    with pytest.raises(RowsRefused):
        store.recordings.write(ids, wide, [SegmentRow(KEYS[0], "ok", unit(1, 0, 0, 0))])


def test_a_row_is_written_once(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    with pytest.raises(RowsStored):
        put(store, "v", {(0, 1): Y})
