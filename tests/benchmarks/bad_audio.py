"""Damaged wav, flac, mp3 and m4a: ``python tests/benchmarks/bad_audio.py 10000``.

Each is decoded in a process that is ended after 20 s or 4 GB of memory.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.bad_audio import hear

AT_ONCE = 1000


@click.command()
@click.argument("number", type=click.IntRange(min=1), default=AT_ONCE)
def main(number: int) -> None:
    """Decode NUMBER damaged files [default: 1000]."""
    console, answers = Console(), Counter[str]()
    most_seconds, peak, failures = 0.0, 0, list[str]()
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, number, AT_ONCE):
            heard = hear(first, min(AT_ONCE, number - first), Path(folder))
            answers += heard.answers
            failures += heard.failures
            most_seconds = max(most_seconds, heard.most_seconds)
            peak = max(peak, heard.peak_bytes)
    told = ", ".join(f"{count:,} {answer}" for answer, count in answers.most_common())
    console.print(
        f"{number:,} inputs: {told}; {len(failures)} failures; {most_seconds:.2f} s at most,"
        f" {peak / 1e6:.0f} MB"
    )
    console.print("\n".join(failures))


if __name__ == "__main__":
    main()
