"""The clock jumps forward or back: the order of arrival decides what is newest, not the date."""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import X, Y, put
from sqlalchemy import text

from pgvoice.hooks import fill
from pgvoice.store import VoiceStore

#: Dates for rows by their id: rising, and falling against the order of arrival.
FORWARD, BACK = "now() + make_interval(years => {}::int)", "now() - make_interval(years => {}::int)"


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    store.labels.label(["v"])
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    store.labels.label(["v"])
    store.labels.pin("v", (1, 2), "ann")
    return store


@pytest.mark.parametrize("turned", [FORWARD, BACK])
def test_labels_and_what_can_be_taken_back(library: VoiceStore, turned: str) -> None:
    before = [(label.speaker, label.reason) for label in library.labels.current("v")]
    _turn(library, "attribution_run", "created_at", turned.format("r.id"))
    _turn(library, "enrollment", "created_at", turned.format("r.id"))
    assert [(label.speaker, label.reason) for label in library.labels.current("v")] == before
    runs = library.labels.runs()
    assert [one.id for one in runs] == sorted((one.id for one in runs), reverse=True)
    assert library.labels.revert(runs[0].id) == 1
    assert [label.speaker for label in library.labels.current("v")] == ["ann", "bob"]
    assert library.labels.revert(runs[1].id) == 1
    assert [label.speaker for label in library.labels.current("v")] == ["ann", None]
    assert library.labels.label().changed == 1
    assert not any(check.problems for check in library.upkeep.verify())


@pytest.mark.parametrize("turned", [FORWARD, BACK])
def test_the_newest_fill_and_the_newest_thresholds(
    store: VoiceStore, tmp_path: Path, turned: str
) -> None:
    wav = write(tmp_path / "talk.wav", voice(110, 3))
    for video in ("one", "two", "three"):
        fill(store, CountingEncoder(), video=video, audio=wav, segments=[(0, 1)])
    _turn(store, "fill_run", "finished_at", turned.format("r.id"))
    last = store.recordings.statistics().last_fill
    assert last is not None
    assert last.video == "three"
    assert fill(store, CountingEncoder(), video="one", segments=[(0, 1)]).run.hits == 1
    again = store.recordings.statistics().last_fill
    assert again is not None
    assert again.video == "one"


def test_durations_do_not_go_by_the_clock() -> None:
    """Only `time.monotonic` and `time.perf_counter` are used, which cannot be set."""
    root = Path(__file__).parents[2]
    read = [
        path.read_text(encoding="utf-8")
        for part in ("store", "hooks", "cli")
        for path in (root / part).rglob("*.py")
    ]
    assert any("time.monotonic()" in source for source in read)
    assert not any("time.time()" in source or "ORDER BY created_at" in source for source in read)


def _turn(store: VoiceStore, table: str, column: str, moment: str) -> None:
    run(store.database.engine, f"UPDATE pgvoice.{table} AS r SET {column} = {moment}")
    with store.database.engine.connect() as connection:
        assert connection.scalar(text(f"SELECT count(*) > 1 FROM pgvoice.{table}"))
