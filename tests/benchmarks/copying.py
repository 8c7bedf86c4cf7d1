"""Copy a library into another database: ``python tests/benchmarks/copying.py 200000``.

Each copy runs in its own process, so that its memory can be measured.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks.library import ENCODER, THRESHOLD, Library
from pgvoice_testkit.servers.databases import new_database, plain, temporary_store

from pgvoice.store import VoiceStore

SUPPORT = Path(__file__).resolve().parent.parent / "support"
SMALL = 1000
COPY = """
import sys
from pgvoice_benchmarks.memory import peak_bytes
from pgvoice.store import VoiceStore
with VoiceStore.open(sys.argv[1]) as store:
    store.upkeep.copy_to(sys.argv[2])
print(peak_bytes())
"""


@click.command()
@click.argument("segments", type=click.IntRange(min=1), default=200_000)
def main(segments: int) -> None:
    """Copy a library of SEGMENTS segments [default: 200000], and one of 1,000."""
    console = Console()
    peaks = {}
    for number in (SMALL, segments):
        with temporary_store() as store, new_database(plain(store.database.url)) as target:
            fill(store, number)
            started = time.monotonic()
            peaks[number] = copy(plain(store.database.url), plain(target))
            took = time.monotonic() - started
        console.print(f"{number:,} segments copied and compared in {took:.1f} s")
    more = (peaks[segments] - peaks[SMALL]) / 1e6
    console.print(f"{more:.1f} MB of memory more than for {SMALL:,}")


def fill(store: VoiceStore, segments: int) -> None:
    """Store a library of this many segments."""
    for video in Library(segments).videos():
        ids = store.recordings.register(video.key, None, ENCODER, THRESHOLD)
        store.recordings.write(ids, ENCODER, video.rows())


def copy(source: str, target: str) -> int:
    """The peak memory in bytes of a process that copies."""
    command = [sys.executable, "-c", COPY, source, target]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=SUPPORT)
    return int(done.stdout)


if __name__ == "__main__":
    main()
