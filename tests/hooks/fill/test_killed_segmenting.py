"""A fill from audio that is killed at any moment ends, after another one, with the same rows."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from pgvoice_testkit.audio.conversations import random_turns, write_turns
from pgvoice_testkit.processes.killing import FillCommand

from pgvoice.store import VoiceStore

SECONDS = 130
TURNS = random_turns(3, SECONDS)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_fill_from_audio_ends_with_the_same_rows_bit_for_bit(
    store: VoiceStore, tmp_path: Path, kills: int
) -> None:
    command = FillCommand(store, "counting", write_turns(tmp_path / "talk.wav", TURNS, SECONDS))
    command.run("undisturbed")
    undisturbed = command.rows("undisturbed")
    moments = random.Random(5)
    for number in range(kills):
        video = f"killed {number}"
        stored = command.kill_after_rows(video, moments.randrange(len(undisturbed)))
        assert stored <= len(undisturbed)
        command.run(video)
        assert command.rows(video) == undisturbed
        assert store.recordings.turns(video) == TURNS


def test_several_processes_at_once_end_with_the_same_rows(
    store: VoiceStore, tmp_path: Path
) -> None:
    """One is killed; of the others, those that wait find the turns of the one that fills."""
    command = FillCommand(store, "counting", write_turns(tmp_path / "talk.wav", TURNS, SECONDS))
    command.run("undisturbed")
    processes = [command.start("together") for _ in range(3)]
    while not command.rows("together"):
        assert any(process.poll() is None for process in processes)
        time.sleep(0.005)
    processes[0].kill()
    assert [process.wait() for process in processes[1:]] == [0, 0]
    processes[0].wait()
    assert command.rows("together") == command.rows("undisturbed")
    assert store.recordings.turns("together") == TURNS
