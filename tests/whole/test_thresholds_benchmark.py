"""The core of the benchmark of thresholds, on tones instead of voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pgvoice_benchmarks.naming import figures, libraries
from pgvoice_benchmarks.naming.libraries import Library
from pgvoice_benchmarks.naming.recordings import CLEAN, TURN, Recording, pieces
from pgvoice_benchmarks.naming.remembering import Remembering
from pgvoice_benchmarks.naming.trials import galleries, identified
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.store import SegmentKey, Turn, VoiceStore

RATE = 16_000
PEOPLE = ("ada", "bob", "cleo")
SECONDS = 2.4


@pytest.fixture
def recordings(tmp_path: Path) -> list[Recording]:
    """Two recordings in which everybody speaks once, at a pitch of their own."""
    made = []
    for name in ("one", "two"):
        time = np.arange(round(SECONDS * RATE)) / RATE
        voices = [np.sin(2 * np.pi * (700 + 1500 * at) * time) for at in range(len(PEOPLE))]
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, (0.3 if name == "one" else 0.2) * np.concatenate(voices), RATE)
        turns = [Turn(SECONDS * at, SECONDS * (at + 1), p) for at, p in enumerate(PEOPLE)]
        made.append(Recording(name, "tones", path, turns, name))
    return made


def test_everybody_else_is_a_stranger(store: VoiceStore, recordings: list[Recording]) -> None:
    counting = CountingEncoder()
    library = Library(store, Remembering(counting)).fill(recordings)
    trials = identified(library, galleries(library, 2, 3))
    clean = trials[trials.kind == CLEAN]
    assert clean.stranger.sum() == 3 * 2, "one of three people, in both recordings"
    assert clean.known.sum() == 3 * 2, "two people, but not where they are enrolled from"
    assert figures.far(trials, trials.named, trials.window).value == 0
    assert figures.dir_(trials, trials.named, trials.window) == (1, 1, 1)
    assert trials.similarity[trials.stranger].max() < figures.best_fixed(trials, 0) < 1
    computed = sum(counting.calls)
    Library(store, Remembering(counting)).fill(recordings[:1], libraries.over_split)
    assert sum(counting.calls) == computed + computed // 2, "each waveform once in a run"


def test_pieces_are_nobody_elses_speech(tmp_path: Path) -> None:
    turns = [Turn(0, 4, "ada"), Turn(1, 2, "bob"), Turn(5, 5.4, "bob")]
    found = pieces(Recording("talk", "talks", tmp_path, turns, "talk"))
    clean = [piece.key for piece in found if piece.kind == CLEAN]
    assert clean == [SegmentKey(0, 1000), SegmentKey(2000, 4000)]
    assert [piece.key for piece in found if piece.kind == "1.5 s"] == [SegmentKey(2000, 3500)]
    assert [piece.person for piece in found if piece.kind == TURN] == ["ada", "bob"]
