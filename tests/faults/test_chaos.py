"""Work on an embedded server is killed at random moments; a live user keeps its server.

``python tests/benchmarks/chaos.py 100`` plays a hundred rounds.
"""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.processes.chaos import VICTIMS, Chaos
from pgvoice_testkit.servers.databases import temporary_folder

#: The server is killed during an index build, one of its processes and a worker during fills.
ROUNDS, SEED = 3, 36


def test_rounds_of_chaos(tmp_path: Path) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("the processes are forked")
    audio = write(tmp_path / "talk.wav", *(voice(90 + 10 * n, 5, n) for n in range(13)))
    with temporary_folder() as folder:
        chaos = Chaos(folder, audio, SEED)
        for number in range(ROUNDS):
            chaos.play(number)
        assert chaos.problems() == []
        chaos.end()
    assert {each.victim for each in chaos.rounds} == set(VICTIMS)
    assert chaos.answers >= ROUNDS
