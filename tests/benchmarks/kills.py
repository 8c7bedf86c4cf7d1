"""Kill fills at random moments and resume them: ``python tests/benchmarks/kills.py``.

Each fill is a process that embeds the simulated podcast with CAM++. SIGKILL ends it at a random
moment, uniformly within the duration of an undisturbed fill.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.processes.killing import FillCommand
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.store import VoiceStore

SEGMENT_SECONDS, STEP_SECONDS = 3.0, 1.0


@click.command()
@click.argument("kills", type=click.IntRange(min=1), default=20)
def main(kills: int) -> None:
    """Kill KILLS fills [default: 20] once each, and run them again."""
    with temporary_store() as store:
        kill(store, kills)


def kill(store: VoiceStore, kills: int) -> None:
    console = Console()
    audio = SPEECH / "simulated-podcast" / "podcast-dev.flac"
    steps = range(int((180 - SEGMENT_SECONDS) / STEP_SECONDS))
    segments = [(n * STEP_SECONDS, n * STEP_SECONDS + SEGMENT_SECONDS) for n in steps]
    command = FillCommand(store, "campplus", audio, segments)
    started = time.monotonic()
    stored = command.kill_after_seconds("undisturbed", 600)
    length = time.monotonic() - started
    undisturbed = command.rows("undisturbed")
    console.print(f"undisturbed: {stored} of {len(segments)} rows in {length:.1f} s")
    moments, same = random.Random(7), 0
    for number in range(kills):
        moment = moments.uniform(0, length)
        stored = command.kill_after_seconds(f"killed {number}", moment)
        command.run(f"killed {number}")
        same += command.rows(f"killed {number}") == undisturbed
        console.print(f"killed after {moment:4.1f} s with {stored:3} rows; {same} of {number + 1}")
    console.print(f"{same} of {kills} killed fills ended with the same rows, bit for bit")


if __name__ == "__main__":
    main()
