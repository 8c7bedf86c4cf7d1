"""A fill that is killed at any moment continues where it stopped, with the same rows."""

from __future__ import annotations

import random
from pathlib import Path

from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.processes.killing import FillCommand

from pgvoice.store import VoiceStore

#: ``python tests/benchmarks/kills.py`` and ``faults.py`` do it more often.
KILLS = 8


def test_a_killed_fill_ends_with_the_same_rows_bit_for_bit(
    store: VoiceStore, tmp_path: Path
) -> None:
    audio = write(tmp_path / "talk.wav", *(voice(90 + 10 * n, 10, n) for n in range(12)))
    segments = [(n * 0.5, n * 0.5 + 1.0) for n in range(230)]
    command = FillCommand(store, "counting", audio, segments)
    command.run("undisturbed")
    undisturbed = command.rows("undisturbed")
    assert len(undisturbed) == len(segments)
    moments = random.Random(4)
    for number in range(KILLS):
        video = f"killed {number}"
        stored = command.kill_after_rows(video, moments.randrange(len(segments) // 2))
        assert stored < len(segments)
        command.run(video)
        assert command.rows(video) == undisturbed
