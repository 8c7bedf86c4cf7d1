"""Seconds to the grid: one rule, in Python and in SQL."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from pgvoice.store.errors import InvalidSegment
from pgvoice.store.keys import GRIDS_MS, SegmentKey, snap_ms, snap_segment, snap_segments

seconds = st.floats(0, 1e6) | st.integers(0, 10**9).map(lambda ms: ms / 1000)


@pytest.mark.parametrize(
    ("time", "grid", "expected"),
    [
        (0.05, 100, 100),
        (0.15, 100, 200),
        (0.25, 100, 300),
        (0.349999, 100, 300),
        (1.005, 10, 1010),
        (2.675, 10, 2680),
        (-0.04, 100, 0),
        (59.95, 100, 60_000),
    ],
)
def test_halves_go_away_from_zero(time: float, grid: int, expected: int) -> None:
    assert snap_ms(time, grid) == expected


@given(seconds, st.sampled_from(GRIDS_MS))
def test_snapping_is_to_the_nearest_point_and_stays_there(time: float, grid: int) -> None:
    ms = snap_ms(time, grid)
    assert ms % grid == 0
    assert abs(ms - time * 1000) <= grid / 2 + 1e-3
    assert snap_ms(ms / 1000, grid) == ms


@given(st.lists(seconds | st.floats(-10, 0), min_size=1, max_size=50), st.sampled_from(GRIDS_MS))
@settings(max_examples=200)
def test_sql_snaps_alike(server_connection: Connection, times: list[float], grid: int) -> None:
    answers = server_connection.execute(
        text(
            "SELECT pgvoice.snap_ms(t, :grid)"
            " FROM unnest(CAST(:times AS double precision[])) WITH ORDINALITY AS a(t, n) ORDER BY n"
        ),
        {"times": times, "grid": grid},
    )
    assert [ms for (ms,) in answers] == [snap_ms(time, grid) for time in times]


@pytest.mark.parametrize(
    ("segment", "why"),
    [
        ((math.nan, 1), "nan"),
        ((0, math.inf), "inf"),
        ((3.0, 1.0), "ends before"),
        ((-1.0, 1.0), "starts before"),
        ((0.0, 1e9), "1000000000"),
        ((1.0,), "not enough"),
        (("a", 2.0), "could not convert"),
        ((None, 2.0), "NoneType"),
    ],
)
def test_no_span_of_time_is_an_error_that_names_the_segment(segment: object, why: str) -> None:
    with pytest.raises(InvalidSegment, match=r"segment 7 .*") as caught:
        snap_segment(segment, index=7)  # type: ignore[arg-type]
    assert why in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_invalid_segments_do_not_stop_the_others() -> None:
    snapped = snap_segments([(2, 3), (5, 4), (0, 1), (2.01, 3.04)])
    assert snapped.keys == [(2000, 3000), None, (0, 1000), (2000, 3000)]
    assert [error.index for error in snapped.invalid] == [1]
    assert snapped.distinct == [SegmentKey(0, 1000), SegmentKey(2000, 3000)]


def test_a_segment_shorter_than_the_grid_has_no_length() -> None:
    assert snap_segment((1.01, 1.04)).duration_ms == 0


def test_a_key_is_not_snapped_again() -> None:
    key = SegmentKey(1230, 4560)
    assert snap_segment(key, 100) == key
    assert snap_segments([key, (1.23, 4.56)], 100).keys == [key, SegmentKey(1200, 4600)]
