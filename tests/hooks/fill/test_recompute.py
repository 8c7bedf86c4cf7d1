"""Stored vectors compared with their audio: equal, different, and without usable audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import run

from pgvoice.hooks import fill, recompute
from pgvoice.store import UnknownEncoder, VoiceStore

SEGMENTS = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 7.0), (6.5, 7.8)]


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 2), voice(310, 2, 1), voice(200, 2), silence(1))


@pytest.fixture
def library(store: VoiceStore, wav: Path) -> VoiceStore:
    fill(store, CountingEncoder(), video="talk", audio=wav, segments=SEGMENTS)
    return store


def test_the_same_is_the_same(library: VoiceStore) -> None:
    found = recompute(library, CountingEncoder(), 10)
    assert (found.compared, found.different, found.unheard) == (3, (), {})
    assert recompute(library, CountingEncoder(), 2).compared == 2


@pytest.mark.parametrize(
    ("damage", "differs"),
    [
        ("UPDATE {} SET embedding = (SELECT embedding FROM {} WHERE start_ms = 0)"
         " WHERE start_ms = 2000", "talk, 2000 to 4000 ms: similarity 0."),
        ("UPDATE {} SET start_ms = 1000 WHERE start_ms = 2000", "talk, 1000 to 4000 ms: sim"),
        ("UPDATE {} SET status = 'partial' WHERE start_ms = 4000",
         "talk, 4000 to 6000 ms: partial is stored, ok computed"),
        ("UPDATE {} SET start_ms = 90000, end_ms = 91000 WHERE start_ms = 2000",
         "talk, 90000 to 91000 ms: ok is stored, out_of_range computed"),
    ],
)  # fmt: skip
def test_what_differs_is_named(library: VoiceStore, damage: str, differs: str) -> None:
    run(library.database.engine, damage.replace("{}", "pgvoice.segment_embedding"))
    assert not any(check.problems for check in library.upkeep.verify()), "nothing else finds it"
    (found,) = recompute(library, CountingEncoder(), 10).different
    assert found.startswith(differs)


def test_only_the_very_audio_is_heard(library: VoiceStore, wav: Path) -> None:
    sound = wav.read_bytes()
    write(wav, voice(500, 8))
    found = recompute(library, CountingEncoder(), 10)
    assert (found.compared, found.different) == (0, ())
    assert found.unheard == {f"{wav} is not the audio that 'talk' was filled from": 3}
    wav.write_bytes(sound)
    assert recompute(library, CountingEncoder(), 10).compared == 3


def test_the_audio_may_have_moved(
    library: VoiceStore, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    wav.rename(elsewhere / "talk.wav")
    ((why, segments),) = recompute(library, CountingEncoder(), 10).unheard.items()
    assert (segments, "PGVOICE_AUDIO" in why) == (3, True)
    monkeypatch.setenv("PGVOICE_AUDIO", str(elsewhere))
    assert recompute(library, CountingEncoder(), 10).compared == 3


def test_an_encoder_without_vectors(library: VoiceStore) -> None:
    with pytest.raises(UnknownEncoder, match="counting@sha256:fake"):
        recompute(library, CountingEncoder("other"), 10)


def test_rounding_is_no_difference(library: VoiceStore) -> None:
    class Rounding(CountingEncoder):
        def _embed(self, waveform: np.ndarray) -> np.ndarray:
            noisy = super()._embed(waveform) + np.float32(1e-4)
            return noisy / np.linalg.norm(noisy)

    assert recompute(library, Rounding(), 10).different == ()
