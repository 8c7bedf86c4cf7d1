"""A library goes over to another encoder: nothing is lost, and nothing computed twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from functools import partial
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores import small_library
from pgvoice_testkit.stores.small_library import PLAIN, TALK, rows_of

from pgvoice.hooks import (
    EncoderUnavailable,
    Recording,
    SwitchRefused,
    SwitchStopped,
    enroll_recordings,
    enroll_video,
    fill,
    switch_encoder,
)
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import NotTheDefaultEncoder
from pgvoice.hooks.ingest.engine import Here, Processes
from pgvoice.hooks.switch.switch import StepName, Switch, Tell
from pgvoice.store import EncoderIdentity, VoiceStore
from pgvoice.store.errors import EncoderInUse, PrivilegeMissing

OLD = CountingEncoder("old").identity


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def library(server_url: str, template: str, recordings: Path) -> Iterator[str]:
    """The name of a database to copy, with a library of the encoder OLD."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            small_library.make(store, CountingEncoder("old"), recordings)
        assert url.database is not None
        yield url.database


@pytest.fixture
def old(server_url: str, library: str) -> Iterator[VoiceStore]:
    """The library, with its files."""
    with new_database(server_url, library) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture
def new() -> CountingEncoder:
    return CountingEncoder("new", dimension=24)


def _default(store: VoiceStore) -> EncoderIdentity:
    return store.encoders.find().identity


def test_everything_goes_over(old: VoiceStore, new: CountingEncoder, recordings: Path) -> None:
    before, turns = rows_of(old, OLD), old.recordings.turns(TALK)
    report = switch_encoder(old, new)
    assert (report.old.encoder, report.new.encoder) == (OLD, new.identity)
    assert (report.complete, report.filled, report.failed) == (0, 3, ())
    assert (report.carried, report.computed, report.missing) == (1, 3, ())
    assert (report.labelled, report.answered, report.flipped) == (3, False, True)
    assert (report.calibration, report.indexed, report.is_complete) == (None, None, True)
    assert _default(old) == new.identity
    assert rows_of(old, OLD) == before
    found = rows_of(old, new.identity)
    # What is no turn is no segment of another encoder, and an exemplar all the same.
    before["segments"] = [row for row in before["segments"] if "500, 2500" not in row]
    for kind in ("segments", "exemplars", "profiles"):
        assert [*map(_without_vector, found[kind])] == [*map(_without_vector, before[kind])], kind
    assert old.recordings.turns(TALK) == turns
    assert old.recordings.turns(PLAIN) is None
    (status,) = old.ingests.status()
    assert (status.ingest, status.videos, status.done) == (f"encoder {new.identity}", 3, 3)
    _check_exemplars(old, new, recordings)


def _without_vector(row: str) -> str:
    return row.partition("'[")[0]


def _check_exemplars(store: VoiceStore, new: CountingEncoder, folder: Path) -> None:
    """Enrolling the same people again, under other names, gives the same vectors."""
    talk = folder / "talk.wav"
    spans = [(0, 2), (0.5, 2.5)]
    enroll_video(store, new, "Other Ada", TALK, spans, audio=talk, force=True)
    enroll_recordings(store, new, "Other Bob", [Recording(folder / "bob.wav")], force=True)
    rows = rows_of(store, new.identity)["exemplars"]
    own, again = ([r for r in rows if ("Other " in r) == o] for o in (False, True))
    assert own == [row.replace("Other ", "") for row in again]


def test_again_it_does_what_is_missing_and_nothing_else(
    old: VoiceStore, new: CountingEncoder, tmp_path: Path
) -> None:
    switch_encoder(old, new)
    calls, loads = len(new.calls), new.loads
    again = switch_encoder(old, new)
    assert (again.old.encoder, again.answered, again.flipped) == (OLD, True, False)
    assert (again.complete, again.filled, again.computed) == (3, 0, 0)
    assert (len(new.calls), new.loads) == (calls, loads)
    late = write(tmp_path / "late.wav", voice(90, 2))
    with pytest.warns(NotTheDefaultEncoder):
        fill(old, CountingEncoder("old"), video="late", audio=late, segments=[(0, 2)])
    assert switch_encoder(old, new).filled == 1
    assert len(new.calls) == calls + 1


def test_there_and_back_and_forth_without_a_model(old: VoiceStore, new: CountingEncoder) -> None:
    before = rows_of(old, OLD)
    switch_encoder(old, new)
    found = rows_of(old, new.identity)
    for to, was in ((OLD, new.identity), (new.identity, OLD)):
        earlier = old.encoders.before()
        assert earlier is not None
        assert earlier.identity == to
        switch = Switch(Here(old, _no_model), to)
        report = switch.flip(switch.prepare())
        assert (report.old.encoder, report.flipped, report.failed) == (was, True, ())
        assert _default(old) == to
    assert (rows_of(old, OLD), rows_of(old, new.identity)) == (before, found)


def _no_model() -> Encoder:
    raise EncoderUnavailable("no model is here")


@pytest.mark.parametrize("lacking", ["filling", "an exemplar"])
def test_a_model_that_is_not_here_or_another_one(
    old: VoiceStore, new: CountingEncoder, lacking: str, tmp_path: Path
) -> None:
    switch_encoder(old, new)
    audio = write(tmp_path / "more.wav", voice(95, 4))
    if lacking == "filling":
        fill(old, new, video="more", audio=audio, segments=[(0, 2)])
    else:
        enroll_recordings(old, new, "Cleo", [Recording(audio)], force=True)
    before = rows_of(old, OLD)["segments"]
    with pytest.raises(EncoderUnavailable, match="no model is here"):
        Switch(Here(old, _no_model), OLD).prepare()
    with pytest.raises(EncoderUnavailable, match="name the one with these weights"):
        Switch(Here(old, lambda: new), OLD).prepare()
    assert rows_of(old, OLD)["segments"] == before


@pytest.mark.parametrize(
    "later", [CountingEncoder("old", revision="sha256:later"), CountingEncoder("old", dimension=8)]
)
def test_another_version_of_the_same_encoder(old: VoiceStore, later: CountingEncoder) -> None:
    assert switch_encoder(old, later).filled == 3
    assert [each.is_default for each in old.encoders.list()] == [False, True]


def test_audio_that_is_gone_or_another(
    server_url: str, template: str, new: CountingEncoder, tmp_path: Path
) -> None:
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        small_library.make(store, CountingEncoder("old"), tmp_path)
        talk = (tmp_path / "talk.wav").rename(tmp_path / "moved.wav")
        plain_bytes = (tmp_path / "plain.wav").read_bytes()
        write(tmp_path / "plain.wav", voice(200, 8))
        (tmp_path / "bob.wav").unlink()
        report = switch_encoder(store, new, retries=0)
        assert (report.filled, report.flipped, report.is_complete) == (1, True, False)
        failed = {each.video: str(each.error) for each in report.failed}
        assert f"{tmp_path}/talk.wav is gone, and no audio source has" in failed[TALK]
        assert "plain.wav is not the audio that 'plain' was filled from" in failed[PLAIN]
        assert {each.video for each in store.ingests.failed()} == {TALK, PLAIN}
        why = {(each.speaker, each.start): each.why for each in report.missing}
        assert why.keys() == {("Ada", 0), ("Ada", 0.5), ("Bob", 0), ("Bob", 1.5)}
        assert "no audio source" in why["Ada", 0]
        talk.rename(tmp_path / "talk.wav")
        (tmp_path / "plain.wav").write_bytes(plain_bytes)
        again = switch_encoder(store, new)
        assert (again.complete, again.filled, again.answered) == (1, 2, True)
        assert {each.speaker for each in again.missing} == {"Bob"}
        assert store.ingests.failed() == []


def test_an_audio_source_has_what_is_another_file_by_now(
    server_url: str,
    template: str,
    new: CountingEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setenv("PGVOICE_AUDIO", str(kept))
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        small_library.make(store, CountingEncoder("old"), tmp_path)
        (tmp_path / "talk.wav").rename(kept / "talk.wav")
        write(tmp_path / "talk.wav", voice(200, 10))
        report = switch_encoder(store, new)
        assert (report.filled, report.computed, report.is_complete) == (3, 3, True)


class _Killed(Exception):
    """As if the process had ended here."""


class _Killing:
    """Raises at one of the moments at which a step begins, goes on or ends."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def _pass(self, _done: int = 0, _total: int = 0) -> None:
        self._left -= 1
        if not self._left:
            raise _Killed

    @contextmanager
    def watch(self, _step: StepName) -> Iterator[Tell]:
        self._pass()
        yield self._pass
        self._pass()


def test_killed_at_any_moment_it_ends_the_same_way(
    old: VoiceStore, server_url: str, library: str, new: CountingEncoder
) -> None:
    reference = CountingEncoder("new", dimension=24)
    with new_database(server_url, library) as url, VoiceStore.open(plain(url)) as other:
        for store in (old, other):
            store.index.build(OLD)
        expected = switch_encoder(other, reference)
        for moment in range(1, 100):
            try:
                report = switch_encoder(old, new, watch=_Killing(moment).watch)
                break
            except _Killed:
                assert _default(old) == OLD
        assert moment > 8
        assert (report.moves, report.new) == (expected.moves, expected.new)
        assert report.indexed is expected.indexed is True
        assert rows_of(old, new.identity) == rows_of(other, new.identity)
        assert rows_of(old, OLD) == rows_of(other, OLD)
        assert sum(new.calls) == sum(reference.calls)


def test_a_stop_ends_it_after_the_recording_in_progress(
    old: VoiceStore, new: CountingEncoder
) -> None:
    with pytest.raises(SwitchStopped, match="old@sha256:fake answers as before"):
        switch_encoder(old, new, stop=lambda: bool(new.calls))
    (status,) = old.ingests.status()
    assert (status.done + status.unlabelled, status.waiting) == (1, 2)
    assert switch_encoder(old, new).complete == 1


def test_without_the_flip_and_when_somebody_else_switches_meanwhile(
    old: VoiceStore, new: CountingEncoder
) -> None:
    assert not switch_encoder(old, new, flip=False).flipped
    assert _default(old) == OLD
    switch = Switch(Here(old, lambda: new))
    report = switch.prepare()
    switch_encoder(old, CountingEncoder("third"))
    with pytest.raises(EncoderInUse, match="third@sha256:fake answers by now, and not old@"):
        switch.flip(report)
    assert _default(old).name == "third"


def test_recordings_that_come_in_before_the_flip(
    old: VoiceStore, new: CountingEncoder, tmp_path: Path
) -> None:
    switch = Switch(Here(old, lambda: new))
    report = switch.prepare()
    late = write(tmp_path / "late.wav", voice(90, 2))
    fill(old, CountingEncoder("old"), video="late", audio=late, segments=[(0, 2)])
    assert switch.flip(report).late == 1
    assert switch_encoder(old, new).filled == 1


def test_two_at_once(old: VoiceStore, new: CountingEncoder, server_url: str, library: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(switch_encoder, old, each) for each in (new, copy(new))]
        assert {each.result().new.encoder for each in both} == {new.identity}
    with new_database(server_url, library) as url, VoiceStore.open(plain(url)) as other:
        switch_encoder(other, CountingEncoder("new", dimension=24))
        assert rows_of(old, new.identity) == rows_of(other, new.identity)


def test_by_several_processes(old: VoiceStore, new: CountingEncoder) -> None:
    with Processes(old, partial(CountingEncoder, "new", dimension=24), 2) as engine:
        report = switch_encoder(old, engine=engine)
    assert (report.filled, report.computed, report.flipped) == (3, 3, True)
    assert old.encoders.unfilled(new.identity, like=OLD) == []


def test_refused_before_anything_is_stored(
    store: VoiceStore, old: VoiceStore, new: CountingEncoder
) -> None:
    with pytest.raises(SwitchRefused, match="the store has no encoder yet"):
        switch_encoder(store, new)
    with pytest.raises(SwitchRefused, match="old@sha256:fake answers already, and the library was"):
        switch_encoder(old, CountingEncoder("old"))
    with pytest.raises(EncoderUnavailable, match="weights are gone"):
        switch_encoder(old, _Broken("new"))
    url = str(old.database.url.render_as_string(hide_password=False))
    with role(url, "fay_of_a_test") as login, engine_of(url) as engine:
        for group in ("pgvoice_reader", "pgvoice_writer"):
            run(engine, f"GRANT {group} TO fay_of_a_test")
            with (
                VoiceStore.open(plain(login)) as hers,
                pytest.raises(PrivilegeMissing, match="pgvoice_admin"),
            ):
                switch_encoder(hers, new)
        assert (store.encoders.list(), len(old.encoders.list())) == ([], 1)
        assert (new.loads, old.ingests.status()) == (0, [])
        old.index.build(OLD)
        run(engine, "GRANT pgvoice_admin TO fay_of_a_test")
        with VoiceStore.open(plain(login)) as hers:
            report = switch_encoder(hers, new)
        assert (report.flipped, report.indexed) == (True, False)
        assert "the user who created" in str(report.not_indexed)


class _Broken(CountingEncoder):
    def load(self) -> None:
        raise EncoderUnavailable("its weights are gone")


def test_nothing_to_answer_with(old: VoiceStore, new: CountingEncoder) -> None:
    run(old.database.engine, "UPDATE pgvoice.video SET source = '/gone' || source")
    with pytest.raises(SwitchRefused, match="new@sha256:fake has no vector of any recording"):
        switch_encoder(old, new, retries=0)
    assert _default(old) == OLD
