"""Kill work on an embedded server at random moments: ``python tests/benchmarks/chaos.py 100``.

In each round, a fill, an enrollment, a merge, a label run, an index build or a short command runs
beside a live user, who keeps a store open and asks 20 times a second. SIGKILL ends the process, the
server or one of the server's processes at a random moment, and a short command too. Then the same
work must end as if nothing had happened, and the live user must have its server.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.processes.chaos import Chaos
from pgvoice_testkit.servers.databases import temporary_folder

#: After so many rounds the whole store is checked.
VERIFY_EVERY = 10


@click.command()
@click.argument("rounds", type=click.IntRange(min=1), default=100)
@click.option("--seed", type=int, default=17, help="Chooses what is killed, and when [17].")
def main(rounds: int, seed: int) -> None:
    """Play ROUNDS rounds [default: 100]; fails at the first surprise."""
    console = Console(highlight=False, width=160)
    started, verified = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as sounds, temporary_folder() as folder:
        audio = write(Path(sounds) / "talk.wav", *(voice(90 + 10 * n, 5, n) for n in range(13)))
        chaos = Chaos(folder, audio, seed)
        for number in range(rounds):
            work, victim, seconds = chaos.play(number)
            console.print(f"{number}: {work}, {victim} killed after {seconds:.2f} s, seed {seed}")
            if (number + 1) % VERIFY_EVERY == 0 or number + 1 == rounds:
                problems = chaos.problems()
                assert not problems, problems
                verified += 1
        chaos.end()
    for what, times in chaos.counts().items():
        console.print(f"killed {times} times: {what}")
    for reason, times in sorted(chaos.retries.items()):
        console.print(f"work that was not killed was told {times} times to try again: {reason}")
    console.print(
        f"{rounds} rounds with seed {seed} in {time.monotonic() - started:.0f} s: all work ended as"
        f" if nothing had happened; the live user got {chaos.answers} answers, and"
        f" {chaos.errors} errors in rounds in which the server was killed, none in others;"
        f" {verified} times db verify, 0 problems"
    )


if __name__ == "__main__":
    main()
