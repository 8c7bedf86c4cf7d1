"""A fill says if its encoder does not answer in the store."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD

from pgvoice.hooks import NotTheDefaultEncoder, Pipeline, Recording, enroll_recordings, fill
from pgvoice.hooks.ingest.engine import Here
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.running import Ingest
from pgvoice.store import VoiceStore

TURNS = [(0.0, 3.0, "A")]


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    return write(tmp_path / "v.wav", voice(110, 4))


@pytest.fixture
def answered(store: VoiceStore) -> Iterator[VoiceStore]:
    """A store in which another encoder answers; any other warning is an error."""
    store.encoders.register(ENCODER, THRESHOLD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield store


def _fill(store: VoiceStore, audio: Path) -> None:
    fill(store, CountingEncoder(), video="v", audio=audio, segments=TURNS)


def _enroll(store: VoiceStore, audio: Path) -> None:
    enroll_recordings(store, CountingEncoder(), "ann", [Recording(audio)], force=True)


def _ingest(store: VoiceStore, audio: Path) -> None:
    row = ManifestRow("v", str(audio), segments=tuple(TURNS))
    report = Ingest(Here(store, CountingEncoder), "all", labels=False).run([row])
    assert (report.videos, report.failed) == (1, [])


def _pipeline(store: VoiceStore, audio: Path) -> None:
    Pipeline(store, CountingEncoder()).label("v", audio, TURNS)


@pytest.mark.parametrize("work", [_fill, _enroll, _ingest, _pipeline])
def test_another_encoder_is_named_once(
    answered: VoiceStore, audio: Path, work: Callable[[VoiceStore, Path], None]
) -> None:
    named = r"toy@sha256:0123456789ab answers in this store, not counting@sha256:fake: .* switch`"
    with pytest.warns(NotTheDefaultEncoder, match=named) as told:
        work(answered, audio)
    assert len(told) == 1
    work(answered, audio)


@pytest.mark.parametrize("work", [_fill, _enroll, _ingest, _pipeline])
def test_the_encoder_that_answers_is_not(
    answered: VoiceStore, audio: Path, work: Callable[[VoiceStore, Path], None]
) -> None:
    answered.encoders.register(CountingEncoder().identity, THRESHOLD)
    answered.encoders.make_default("counting")
    work(answered, audio)


def test_nor_is_the_first_encoder_of_a_store(store: VoiceStore, audio: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _fill(store, audio)
