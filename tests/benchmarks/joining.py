"""Joining the labels of long recordings: ``python tests/benchmarks/joining.py --help``.

Made-up turns of six people, or of as many as asked for, each with a label of its own and a quarter
of them overlapped, as a segmenter hands them over; a turn is the less like its speaker the shorter
it is. Prints how long `store.recordings.join_labels` takes, and the server's CPU time for it.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.store import EncoderIdentity, SegmentKey, SegmentRow, Turn, VoiceStore
from pgvoice.store.recordings.encoders import Threshold
from pgvoice.store.recordings.joining import join_labels

ENCODER = EncoderIdentity("made up", "1", "1", 192, 16_000)
Rng = np.random.Generator
TICKS = os.sysconf("SC_CLK_TCK")


@click.command()
@click.option("--turns", type=int, multiple=True, default=(1_000, 3_000, 10_000))
@click.option("--people", type=click.IntRange(1), default=6, show_default=True)
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
def main(turns: Sequence[int], people: int, markdown: bool) -> None:
    """Join the labels of recordings of so many turns."""
    console = Console(highlight=False, width=120)
    command = shlex.join(["python", "tests/benchmarks/joining.py", *sys.argv[1:]])
    for line in (f"`{command}`, {date.today()}", machine.describe(), ""):
        console.print(line, markup=False, soft_wrap=True)
    table = Table(
        "Joining labels",
        ("turns", "length", "labels", "of their label's main person", "seconds", "CPU seconds"),
    )
    with temporary_folder(in_memory=True) as folder, VoiceStore.open(folder=folder / "d") as store:
        for number in turns:
            table.add(*_joined(store, f"{number} turns", number, people))
    table.show(console, markdown=markdown)


def _joined(store: VoiceStore, video: str, number: int, people: int) -> list[str]:
    rng = np.random.default_rng(number)
    turns, who = _conversation(rng, number, people)
    _write(store, video, turns, who, rng)
    with store.database.engine.connect() as connection:
        process = connection.scalar(text("SELECT pg_backend_pid()"))
        cpu, start = _cpu_seconds(process), time.monotonic()
        labels = join_labels(connection, video, ENCODER, turns)
        took, cpu = time.monotonic() - start, _cpu_seconds(process) - cpu
    pairs, main = Counter(zip(labels, who, strict=True)), Counter[str | None]()
    for (label, _), count in pairs.items():
        main[label] = max(main[label], count)
    return [
        *(f"{number:,}", f"{turns[-1].end / 3600:.1f} h", f"{len(main):,}"),
        *(f"{main.total() / number:.1%}", f"{took:.1f}", f"{cpu:.1f}"),
    ]


def _conversation(rng: Rng, number: int, people: int) -> tuple[list[Turn], list[int]]:
    at, turns, who = 0.0, list[Turn](), list[int]()
    for place in range(number):
        length = round(float(np.clip(rng.exponential(3.0), 0.3, 40)), 1)
        turns.append(Turn(round(at, 1), round(at + length, 1), f"{place}"))
        who.append(int(rng.integers(people)))
        talks_into = length > 2 and rng.random() < 0.25
        at += length + (rng.uniform(-1, 0) if talks_into else rng.uniform(0, 0.6))
    return turns, who


def _write(
    store: VoiceStore, video: str, turns: Sequence[Turn], who: Sequence[int], rng: Rng
) -> None:
    voices = rng.normal(size=(max(who) + 1, ENCODER.dimension))
    voices /= np.linalg.norm(voices, axis=1, keepdims=True)
    keys = [SegmentKey(round(turn.start * 1000), round(turn.end * 1000)) for turn in turns]
    starts, rows = [key.start_ms for key in keys], list[SegmentRow]()
    speakers = dict(zip(keys, who, strict=True))
    missing = store.recordings.missing(video, ENCODER, keys, [turn.label for turn in turns])
    for key in missing:
        speaker = speakers.get(key, who[bisect_right(starts, key.start_ms) - 1])
        noise = 0.6 * (3000 / max(key.duration_ms, 500)) ** 0.5
        voice = voices[speaker] + noise * rng.normal(size=ENCODER.dimension) / 192**0.5
        vector = (voice / np.linalg.norm(voice)).astype(np.float32)
        is_long = key.duration_ms >= 500
        rows.append(SegmentRow(key, "ok", vector) if is_long else SegmentRow(key, "too_short"))
    registered = store.recordings.register(video, None, ENCODER, Threshold(0.4, "made up"))
    store.recordings.write(registered, ENCODER, rows)


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
