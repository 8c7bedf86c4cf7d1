"""Repeated faults, with `db verify` at the end.

``python tests/benchmarks/faults.py kills 100`` kills fills at random moments. ``crowd 1000`` lets
2, 4 and 8 processes fill the same videos, and then fill, enroll, label and erase the same ones.
``server 20`` restarts, kills and crashes the server during fills, and ends their connections.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.disturbing_encoder import DisturbedEncoder
from pgvoice_testkit.processes.crew import crew, fills_against_the_rest, same_fills
from pgvoice_testkit.processes.killing import FillCommand
from pgvoice_testkit.servers.databases import plain, temporary_store
from pgvoice_testkit.servers.own_server import own_server

from pgvoice.hooks import fill
from pgvoice.store import VoiceStore

CONSOLE = Console()
DISTURBANCES = ("restart", "kill_and_start", "crash", "terminate")


def kills(times: int, folder: Path) -> None:
    audio = write(folder / "talk.wav", *(voice(90 + 10 * n, 10, n) for n in range(12)))
    segments = [(n * 0.5, n * 0.5 + 1.0) for n in range(230)]
    moments, same = random.Random(11), 0
    with temporary_store() as store:
        command = FillCommand(store, "counting", audio, segments)
        started = time.monotonic()
        command.kill_after_seconds("undisturbed", 600)
        length = time.monotonic() - started
        undisturbed = command.rows("undisturbed")
        for number in range(times):
            video = f"killed {number}"
            stored = command.kill_after_seconds(video, moments.uniform(0, length))
            command.run(video)
            same += command.rows(video) == undisturbed
            _tell(number + 1, times, f"killed with {stored} of {len(segments)} rows")
        CONSOLE.print(f"{same} of {times} killed fills ended with the same rows, bit for bit")
        _verify(store)


def crowd(times: int, folder: Path) -> None:
    audio = write(folder / "talk.wav", voice(110, 2), voice(220, 2, 1))
    with temporary_store() as store, crew(plain(store.database.url), 8) as eight:
        for number in (2, 4, 8):
            double = same_fills(eight, number, times, audio, "same", _teller(times))
            CONSOLE.print(
                f"{number} processes, {times} rounds of overlapping fills: {double} rounds with a"
                " segment encoded twice, 0 errors"
            )
        done = fills_against_the_rest(eight, 8, times, audio, _teller(times))
        CONSOLE.print(f"8 processes, {times} rounds of everything: 0 errors; {done}")
        _verify(store)


def server(times: int, folder: Path) -> None:
    audio = write(folder / "talk.wav", voice(110, 5), voice(220, 5, 1))
    segments = [(float(n), n + 1.0) for n in range(10)]
    moments, whole = random.Random(13), 0
    with own_server() as running, VoiceStore.open(running.url) as store:
        fill(store, CountingEncoder(), video="undisturbed", audio=audio, segments=segments)
        rows = FillCommand(store, "counting", audio, segments).rows
        for number in range(times):
            how = DISTURBANCES[number % len(DISTURBANCES)]
            encoder = DisturbedEncoder(getattr(running, how), moments.randrange(10))
            report = fill(store, encoder, video=f"v{number}", audio=audio, segments=segments)
            whole += report.run.filled == 10 and rows(f"v{number}") == rows("undisturbed")
            _tell(number + 1, times, how)
        CONSOLE.print(f"{whole} of {times} fills went on and ended with the same rows")
        _verify(store)


WHAT = {"kills": kills, "crowd": crowd, "server": server}


@click.command()
@click.argument("what", type=click.Choice(list(WHAT)))
@click.argument("times", type=click.IntRange(min=1))
def main(what: str, times: int) -> None:
    """Kill fills, run many processes on the same data, or disturb the server, TIMES times."""
    with tempfile.TemporaryDirectory() as folder:
        WHAT[what](times, Path(folder))


def _tell(done: int, times: int, what: str) -> None:
    if done % max(1, times // 10) == 0:
        CONSOLE.print(f"{done} of {times}: {what}")


def _teller(times: int) -> Callable[[int], None]:
    return lambda done: _tell(done, times, "rounds")


def _verify(store: VoiceStore) -> None:
    checks = store.upkeep.verify()
    problems = sum(check.problems for check in checks)
    CONSOLE.print(f"db verify: {len(checks)} checks, {problems} problems")


if __name__ == "__main__":
    main()
