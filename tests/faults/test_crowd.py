"""Many processes on one store: each segment is encoded once, and nothing deadlocks.

``python tests/benchmarks/faults.py crowd`` does a thousand rounds.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.processes.crew import crew, fills_against_the_rest, same_fills

from pgvoice.store import VoiceStore

ROUNDS = 8


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 2), voice(220, 2, 1))


def test_a_crowd_on_one_store(store: VoiceStore, store_url: str, wav: Path) -> None:
    rounds: list[int] = []
    with crew(store_url, 8) as eight:
        for number in (2, 4, 8):
            assert same_fills(eight, number, ROUNDS, wav, "same", rounds.append) == 0
        done = fills_against_the_rest(eight, 8, ROUNDS, wav, rounds.append)
    assert len(rounds) == 4 * ROUNDS
    assert sum(done.values()) == 8 * ROUNDS
    assert [check for check in store.upkeep.verify() if check.problems] == []
