"""Calibration on held-out people: ``python tests/benchmarks/calibration.py``.

CAM++ on LibriSpeech: ten people are enrolled with their first 4 clips. Their other clips, and those
of twenty strangers, are cut into pieces of 1.5, 3 and 6 s, one every 1.2 s. The ten are repeatedly
split into halves of five: thresholds for FAR 1 % are tuned on one half, and measured on the other
half and on the strangers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.halves import Library, Measured
from pgvoice_testkit.audio.pieces import LENGTHS, exemplars, fill_pieces, people
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.hooks import make_encoder

TARGET = 0.01


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--splits", type=int, default=5)
    splits = options.parse_args().splits
    if not SPEECH.is_dir():
        raise SystemExit(f"no recordings at {SPEECH}")
    encoder = make_encoder("campplus")
    with temporary_store() as store:
        enrolled = exemplars(encoder, people())
        labels = fill_pieces(store, encoder, people())
        library = Library(store, encoder.identity, encoder.default_threshold, enrolled, labels)
        rng = np.random.default_rng(0)
        found = []
        for _ in range(splits):
            half = set(rng.permutation(people())[: len(people()) // 2].tolist())
            found += [library.measure(names, TARGET) for names in (half, set(people()) - half)]
        show(found)


def show(found: list[Measured]) -> None:
    """A line for each half, and a summary."""
    table = Table("FAR (95 %)", *(f"DIR {s:g} s" for s in LENGTHS), "DIR", "fixed, same FAR")
    for one in found:
        table.add_row(
            f"{one.far:.2%} ({one.far_interval.low:.2%} to {one.far_interval.high:.2%})",
            *(f"{one.dir_by_length[s]:.2%}" for s in LENGTHS),
            f"{one.dir:.2%}",
            f"{one.fixed_dir:.2%}",
        )
    console = Console(highlight=False)
    console.print(table)
    for line in _summary(found):
        console.print(line, soft_wrap=True)


def _summary(found: list[Measured]) -> list[str]:
    held = sum(one.far_interval.low <= TARGET for one in found)
    gains = np.array([one.dir - one.fixed_dir for one in found])
    better, worse = (gains > 1e-9).sum(), (gains < -1e-9).sum()
    lengths = (
        f"{np.mean([one.dir_by_length[seconds] for one in found]):.2%} at {seconds:g} s"
        for seconds in LENGTHS
    )
    return [
        f"FAR {np.mean([one.far for one in found]):.2%} on average; its interval contains"
        f" {TARGET:.0%} or lies below in {held} of {len(found)}",
        f"DIR {', '.join(lengths)}; {np.mean([one.dir for one in found]):.2%} in all",
        f"the one threshold that has the same FAR: DIR"
        f" {np.mean([one.fixed_dir for one in found]):.2%}; bands are better in {better}, worse in"
        f" {worse}, equal in {len(found) - better - worse} of {len(found)}",
        "one threshold tuned as the bands are: FAR"
        f" {np.mean([one.single_far for one in found]):.2%}, DIR"
        f" {np.mean([one.single_dir for one in found]):.2%}",
    ]


if __name__ == "__main__":
    main()
