"""A watch finds what is new or changed, and waits for files that are being written."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import engine_of, run

from pgvoice.hooks.ingest import watching
from pgvoice.hooks.ingest.engine import Here
from pgvoice.hooks.ingest.given import Given
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.running import Ingest, IngestReport
from pgvoice.hooks.ingest.watching import PATIENCE, REST, TOLD_AFTER, Watched
from pgvoice.store import VoiceStore

Event = Callable[[], None]
NOW = 1_800_000_000.0
TURN = "SPEAKER x 1 0.0 1.0 <NA> <NA> S0 <NA> <NA>\n"


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def _put(path: Path, content: bytes = b"sound", *, at: float) -> None:
    path.write_bytes(content)
    os.utime(path, (at, at))


def _names(rows: list[ManifestRow]) -> list[tuple[str, str | None]]:
    return [(row.video, row.source and Path(row.source).name) for row in rows]


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def watched(tmp_path: Path, clock: _Clock) -> Watched:
    return Watched(Given([tmp_path]), clock)


def test_new_recordings_are_found_once(tmp_path: Path, watched: Watched, clock: _Clock) -> None:
    assert watched.look() == []
    _put(tmp_path / "a.mp3", at=NOW - 60)
    assert _names(watched.look()) == [("a", None)]
    assert watched.look() == []
    (tmp_path / "season").mkdir()
    _put(tmp_path / "season" / "b.mp3", at=NOW - 60)
    assert _names(watched.look()) == [("season/b", None)]
    clock.now += 1000
    assert watched.look() == []


def test_a_file_that_is_being_written_waits(
    tmp_path: Path, watched: Watched, clock: _Clock
) -> None:
    _put(tmp_path / "a.mp3", at=NOW - REST / 2)
    assert watched.look() == []
    for grown in (b"sound and", b"sound and more"):
        clock.now += REST
        # A program that keeps the time of the original does not fool it.
        _put(tmp_path / "a.mp3", grown, at=NOW - 1000)
        assert watched.look() == []
    clock.now += REST / 2
    assert watched.look() == []
    clock.now += REST / 2
    assert _names(watched.look()) == [("a", None)]


def test_a_file_that_is_shorter_than_its_header_says_waits_longer(
    tmp_path: Path, watched: Watched, clock: _Clock
) -> None:
    whole = write(tmp_path / ".x.wav", voice(110, 1)).read_bytes()
    for name, content in (("a.wav", whole[:-1000]), ("b.wav", b""), ("c.wav", whole)):
        _put(tmp_path / name, content, at=NOW - 2 * REST)
    assert _names(watched.look()) == [("c", None)]
    clock.now += PATIENCE / 2
    assert watched.look() == []
    _put(tmp_path / "a.wav", whole, at=clock.now)
    assert watched.look() == []
    clock.now += REST
    assert _names(watched.look()) == [("a", None)]
    clock.now += PATIENCE / 2
    assert _names(watched.look()) == [("b", None)]


def test_segments_that_arrive_later_and_files_that_change_are_found_again(
    tmp_path: Path, watched: Watched, clock: _Clock
) -> None:
    _put(tmp_path / "a.mp3", at=NOW - 60)
    assert _names(watched.look()) == [("a", None)]
    _put(tmp_path / "a.rttm", TURN.encode(), at=NOW)
    assert watched.look() == []
    clock.now += REST
    assert _names(watched.look()) == [("a", "a.rttm")]
    _put(tmp_path / "a.rttm", TURN.encode() * 2, at=clock.now)
    assert watched.look() == []
    clock.now += REST
    assert _names(watched.look()) == [("a", "a.rttm")]


def test_a_manifest_is_read_again_when_it_changed(tmp_path: Path, clock: _Clock) -> None:
    manifest = tmp_path / "m.csv"
    _put(manifest, b"video,audio\na,a.mp3\n", at=NOW - 60)
    watched = Watched(Given([manifest]), clock)
    assert _names(watched.look()) == [("a", None)]
    _put(tmp_path / "a.mp3", at=NOW - 60)
    assert _names(watched.look()) == [("a", None)]
    _put(manifest, b"video,audio\na,a.mp3\nb,b.mp3\nc", at=NOW)
    assert watched.look() == []
    _put(manifest, b"video,audio\na,a.mp3\nb,b.mp3\n", at=NOW)
    clock.now += REST
    assert watched.look() == []
    clock.now += REST
    assert _names(watched.look()) == [("b", None)]


def test_what_is_wrong_for_some_time_is_told_once(tmp_path: Path, clock: _Clock) -> None:
    manifest, folder = tmp_path / "m.csv", tmp_path / "folder"
    _put(manifest, b"video,sound\na,a.mp3\n", at=NOW - 60)
    folder.mkdir()
    watched = Watched(Given([folder, manifest]), clock)
    for name in ("a.mp3", "b.mp3", "b.mp4", "c.rttm"):
        _put(folder / name, at=NOW - 60)
    assert _names(watched.look()) == [("a", None)]
    assert watched.problems() == []
    _put(manifest, b"video,audio\na,other.mp3\n", at=NOW)
    (folder / "c.rttm").unlink()
    clock.now += REST
    watched.look()
    clock.now += REST
    assert watched.look() == []
    clock.now += TOLD_AFTER
    watched.look()
    clashing, twice = sorted(watched.problems())
    assert "a.mp3 and" in clashing
    assert "would both be called 'a'" in clashing
    assert twice == "b.mp3, b.mp4: several audio files with one name"
    clock.now += TOLD_AFTER
    watched.look()
    assert watched.problems() == []


def _folder(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", voice(110, 2))
    (tmp_path / "a.rttm").write_text(TURN)
    return tmp_path


def _watch(store: VoiceStore, folder: Path, events: list[Event], told: list[str]) -> IngestReport:
    """Watch a folder; each event happens in one of the breaks, and then it stops."""
    clock = _Clock()
    clock.now = (folder / "a.wav").stat().st_mtime
    ingest = Ingest(Here(store, CountingEncoder), "inbox", retries=0)

    def sleep(_seconds: float) -> None:
        clock.now += 1000
        events.pop(0)()

    watched = Watched(Given([folder]), clock)
    watching.watch(watched, ingest, lambda: not events, 0.1, tell=told.append, sleep=sleep)
    return ingest.report


def nothing() -> None:
    """Nothing happens in this break."""


def test_recordings_are_ingested_as_they_arrive(store: VoiceStore, tmp_path: Path) -> None:
    folder, told = _folder(tmp_path), list[str]()

    def arrives() -> None:
        (folder / "b.rttm").write_text(TURN)
        write(folder / "b.wav", voice(210, 2))

    def breaks() -> None:
        (folder / "c.rttm").write_text("SPEAKER c")
        write(folder / "c.wav", voice(210, 2))

    def is_mended() -> None:
        assert store.ingests.failed("inbox")[0].video == "c"
        (folder / "c.rttm").write_text(TURN)

    events: list[Event] = [
        nothing,
        arrives,
        nothing,
        breaks,
        nothing,
        nothing,
        is_mended,
        nothing,
        nothing,
    ]
    report = _watch(store, folder, events, told)
    assert (report.filled, report.vectors, report.failed) == (3, 3, [])
    (status,) = store.ingests.status("inbox")
    assert (status.videos, status.done, status.failed) == (3, 3, 0)
    assert told == []


def test_a_watch_survives_a_database_that_goes_away(
    store: VoiceStore, server_url: str, tmp_path: Path
) -> None:
    folder, told = _folder(tmp_path), list[str]()
    name = store.database.url.database

    def accept(connections: bool) -> None:
        with engine_of(server_url) as engine:
            run(
                engine,
                f"UPDATE pg_database SET datallowconn = {connections} WHERE datname = '{name}'",
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                f" WHERE datname = '{name}'",
            )

    accept(False)
    report = _watch(store, folder, [nothing, partial(accept, True), nothing, nothing], told)
    (warning,) = told
    assert warning.startswith("Warning: no database answers at ")
    assert report.filled == 1
