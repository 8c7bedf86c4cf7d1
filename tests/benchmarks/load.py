"""Clients that identify and search while fills run: ``python tests/benchmarks/load.py 10 50``.

Each client is a thread that sends queries to one store in a loop, here 50 clients for 10 minutes;
two more threads fill new recordings with the counting encoder. Prints response times, errors,
connections, and the memory of this process and of the server.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import numpy as np
import psutil
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks.memory import server_bytes
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import temporary_store
from sqlalchemy import text

from pgvoice.hooks import fill
from pgvoice.store import VoiceStore
from pgvoice.store.database.embedded import EmbeddedServer

FILLERS = 2
SEGMENTS = [(n * 0.5, n * 0.5 + 1.0) for n in range(30)]


class Load:
    """What the clients and the fillers have done so far."""

    def __init__(self, store: VoiceStore, audio: Path, seconds: float) -> None:
        self.seconds: list[float] = []
        self.errors: list[str] = []
        self.fills = 0
        self._store, self._audio = store, audio
        self._end = time.monotonic() + seconds

    def client(self, number: int) -> None:
        turn = number
        while time.monotonic() < self._end:
            started = time.monotonic()
            try:
                if turn % 2:
                    self._store.answers.identify("first")
                else:
                    self._store.answers.appearances("ann", limit=20)
            except Exception as error:  # counted
                self.errors.append(f"{type(error).__name__}: {error}")
            self.seconds.append(time.monotonic() - started)
            turn += 1

    def filler(self, number: int) -> None:
        turn = 0
        while time.monotonic() < self._end:
            encoder, video = CountingEncoder(), f"filled {number} {turn}"
            try:
                fill(self._store, encoder, video=video, audio=self._audio, segments=SEGMENTS)
                self.fills += 1
            except Exception as error:  # counted
                self.errors.append(f"{type(error).__name__}: {error}")
            turn += 1

    def watch(self, console: Console) -> int:
        """Print connections and memory ten times; returns the most connections."""
        server, process = self._store.database.server, psutil.Process()
        most, step = 0, max(1.0, (self._end - time.monotonic()) / 10)
        with self._store.database.unpooled.connect() as connection:
            while time.monotonic() < self._end:
                time.sleep(min(step, max(0.0, self._end - time.monotonic())))
                used = connection.scalar(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                        " AND backend_type = 'client backend'"
                    )
                )
                connection.rollback()
                most = max(most, used or 0)
                console.print(
                    f"{len(self.seconds):,} answers, {self.fills} fills, {used} connections,"
                    f" {process.memory_info().rss / 1e6:.0f} MB{_of(server)}"
                )
        return most


def _of(server: EmbeddedServer | None) -> str:
    return f", the server {server_bytes(server) / 1e6:.0f} MB" if server else ""


@click.command()
@click.argument("minutes", type=float, default=1.0)
@click.argument("clients", type=click.IntRange(min=1), default=50)
def main(minutes: float, clients: int) -> None:
    """Identify and search for MINUTES [1] with CLIENTS clients [50], while two more fill."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder, temporary_store() as store:
        audio = write(Path(folder) / "talk.wav", voice(110, 8), voice(220, 8, 1))
        fill(store, CountingEncoder(), video="first", audio=audio, segments=SEGMENTS)
        store.people.enroll_segments("ann", "first", [SEGMENTS[0]], force=True)
        store.people.enroll_segments("bob", "first", [SEGMENTS[20]], force=True)
        load = Load(store, audio, 60 * minutes)
        threads = [threading.Thread(target=load.client, args=(n,)) for n in range(clients)]
        threads += [threading.Thread(target=load.filler, args=(n,)) for n in range(FILLERS)]
        for thread in threads:
            thread.start()
        most = load.watch(console)
        for thread in threads:
            thread.join()
        p50, p95 = np.percentile(load.seconds, [50, 95]) * 1000
        problems = sum(check.problems for check in store.upkeep.verify())
    console.print(
        f"{clients} clients, {minutes:g} minutes: {len(load.seconds):,} answers, p50 {p50:.0f} ms,"
        f" p95 {p95:.0f} ms, {len(load.errors)} errors; {load.fills} fills; {most} connections;"
        f" db verify: {problems} problems"
    )
    console.print("\n".join(sorted(set(load.errors))[:10]))


if __name__ == "__main__":
    main()
