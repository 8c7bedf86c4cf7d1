"""After a lost connection: how often and how soon to try again, and what became of a batch."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pgvoice.hooks.fill import recovery
from pgvoice.hooks.fill.recovery import Recovery
from pgvoice.store import SegmentKey, SegmentRow
from pgvoice.store.errors import (
    ConnectionLost,
    DatabaseFull,
    DatabaseUnreachable,
    RowsStored,
    WrongPassword,
)

WAITS = (1.0, 2.0, 3.0)
ROWS = [SegmentRow(SegmentKey(start, start + 1000), "silent") for start in (0, 1000, 2000)]


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every wait; none of them passes."""
    seconds: list[float] = []
    monkeypatch.setattr(recovery, "RETRY_SECONDS", WAITS)
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def _failing(times: int, error: Callable[[], Exception]) -> Callable[[], None]:
    left = [error() for _ in range(times)]

    def attempt() -> None:
        if left:
            raise left.pop()

    return attempt


def _write(trying: Recovery, rows: list[SegmentRow], error: Exception | None = None) -> None:
    with trying.writing(rows):
        if error:
            raise error


def test_an_attempt_that_succeeds_is_the_only_one(waited: list[float]) -> None:
    calls: list[int] = []
    Recovery().attempt(lambda: calls.append(1))
    assert (calls, waited) == ([1], [])


@pytest.mark.parametrize(
    "error", [lambda: ConnectionLost("gone"), lambda: DatabaseUnreachable("away"), RowsStored]
)
def test_waits_grow_until_the_database_is_back(
    waited: list[float], error: Callable[[], Exception]
) -> None:
    Recovery().attempt(_failing(3, error))
    assert waited == list(WAITS)


def test_a_database_that_stays_away_is_an_error(waited: list[float]) -> None:
    with pytest.raises(ConnectionLost):
        Recovery().attempt(_failing(4, lambda: ConnectionLost("gone")))
    assert waited == list(WAITS)


@pytest.mark.parametrize("error", [WrongPassword("no"), DatabaseFull("no room"), ValueError("no")])
def test_what_repeating_cannot_help_is_not_repeated(waited: list[float], error: Exception) -> None:
    with pytest.raises(type(error)):
        Recovery().attempt(_failing(1, lambda: error))
    assert waited == []


def test_an_attempt_that_stored_something_begins_the_waits_again(waited: list[float]) -> None:
    trying = Recovery()
    stores = iter([0, 0, 1, 0, 0])

    def attempt() -> None:
        number = next(stores, None)
        if number is None:
            return
        _write(trying, ROWS[:number])
        raise ConnectionLost("gone")

    trying.attempt(attempt)
    assert waited == [1, 2, 1, 2, 3]


def test_rows_count_as_stored_once_they_are_written() -> None:
    trying = Recovery()
    _write(trying, ROWS[:2])
    assert trying.stored == {"silent": 2}
    assert trying.settle([]) == []
    assert trying.stored == {"silent": 2}


def test_what_an_uncertain_batch_stored_counts_and_the_rest_comes_back() -> None:
    trying = Recovery()
    with pytest.raises(ConnectionLost):
        _write(trying, ROWS, ConnectionLost("gone"))
    assert trying.stored == {}
    assert trying.settle([ROWS[1].key, SegmentKey(9000, 9500)]) == [ROWS[1]]
    assert trying.stored == {"silent": 2}
    assert trying.settle([ROWS[1].key]) == []


def test_a_batch_that_was_stored_as_a_whole_is_not_written_again() -> None:
    trying = Recovery()
    with pytest.raises(ConnectionLost):
        _write(trying, ROWS, ConnectionLost("gone"))
    assert trying.settle([]) == []
    assert trying.stored == {"silent": 3}
