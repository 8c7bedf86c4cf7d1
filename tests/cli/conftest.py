"""What the tests of the command line share: a way to call it, an encoder, a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter

from pgvoice.cli.main import cli
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder
from pgvoice.hooks.segmenters import registry as segmenters
from pgvoice.hooks.segmenters.registry import RegisteredSegmenter

#: Ada to 4 s, Bob to 8 s, Ada again; the last turn but one is too short, the last one silent.
TURNS = [
    (0.0, 2.0, "S0"),
    (4.0, 6.0, "S1"),
    (8.0, 10.0, "S0"),
    (10.0, 10.2, "S1"),
    (12.0, 14.0, "S1"),
]


@pytest.fixture
def run() -> Callable[..., Result]:
    """Calls ``pgvoice`` with these arguments, without a terminal."""

    def call(*arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)

    return call


@pytest.fixture
def pgvoice(
    run: Callable[..., Result], store_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Calls ``pgvoice`` on an empty store of the test's own."""
    monkeypatch.setenv("PGVOICE_DATABASE_URL", store_url)
    return run


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> CountingEncoder:
    """The only encoder there is, and the one that is used when none is named."""
    counting = CountingEncoder()
    registered = {
        "counting": RegisteredEncoder("counting", lambda _source, _device: counting, "counts calls")
    }
    monkeypatch.setattr(registry, "registered_encoders", lambda: registered)
    monkeypatch.setenv("PGVOICE_ENCODER", "counting")
    return counting


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> CountingSegmenter:
    """The only segmenter there is, and the one that is used when none is named."""
    counting = CountingSegmenter(labels_are_people=False)
    registered = {
        "pitches": RegisteredSegmenter("pitches", lambda _source, _device: counting, "counts calls")
    }
    monkeypatch.setattr(segmenters, "registered_segmenters", lambda: registered)
    monkeypatch.setenv("PGVOICE_SEGMENTER", "pitches")
    return counting


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A recording of two voices."""
    ada, bob = voice(110, 4), voice(310, 4, seed=1)
    return write(tmp_path / "talk.wav", ada, bob, ada, silence(4))


@pytest.fixture
def turns(tmp_path: Path) -> Path:
    """Who speaks when in `talk`, as RTTM."""
    path = tmp_path / "talk.rttm"
    path.write_text(
        "".join(
            f"SPEAKER talk 1 {start:.3f} {end - start:.3f} <NA> <NA> {label} <NA> <NA>\n"
            for start, end, label in TURNS
        )
    )
    return path


@pytest.fixture
def filled(
    pgvoice: Callable[..., Result], encoder: CountingEncoder, talk: Path, turns: Path
) -> Callable[..., Result]:
    """Calls ``pgvoice`` on a store with `talk` filled, and Ada and Bob enrolled from it."""
    assert pgvoice("fill", "talk", talk, turns).exit_code == 0
    for name, span in (("Ada", "0-2"), ("Bob", "0:04-0:06")):
        assert pgvoice("enroll", "add", name, "--video", "talk", "--span", span).exit_code == 0
    return pgvoice
