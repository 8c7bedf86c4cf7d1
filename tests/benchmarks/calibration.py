"""Calibration on people whom it was not made for: ``python tests/benchmarks/calibration.py``.

CAM++ on LibriSpeech: ten people are enrolled with their first 4 clips; their other clips, and those
of twenty strangers, are cut to pieces of 1.5, 3 and 6 s, one every 1.2 s. The ten are split in two
halves of five, again and again: thresholds for FAR 1 % are tuned on one half, and measured on the
other one and on the strangers.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from databases import temporary_store
from halves import Library, Measured
from podcast import EXEMPLARS
from recordings import SPEECH

from pgvoice.hooks import Encoder, make_encoder
from pgvoice.store import Exemplar, SegmentKey, SegmentRow, Turn, VideoAudio, VoiceStore

LENGTHS = (1.5, 3.0, 6.0)
#: Seconds from one piece to the next.
HOP = 1.2
TARGET = 0.01
RATE = 16_000
#: Pieces that are encoded at once.
BATCH = 64


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--splits", type=int, default=5)
    splits = options.parse_args().splits
    if not SPEECH.is_dir():
        raise SystemExit(f"no recordings at {SPEECH}")
    encoder = make_encoder("campplus")
    with temporary_store() as store:
        people = exemplars(encoder)
        labels = fill_pieces(store, encoder)
        library = Library(store, encoder.identity, encoder.default_threshold, people, labels)
        rng = np.random.default_rng(0)
        found = []
        for _ in range(splits):
            half = set(rng.permutation(sorted(people))[: len(people) // 2].tolist())
            found += [library.measure(names, TARGET) for names in (half, set(people) - half)]
    show(found)


def exemplars(encoder: Encoder) -> dict[str, list[Exemplar]]:
    """The first clips of each of the ten."""
    people: dict[str, list[Exemplar]] = {}
    for folder in sorted((SPEECH / "librispeech-test-other").iterdir()):
        files = sorted(folder.glob("*.flac"))[:EXEMPLARS]
        if files:
            vectors = encoder.encode([_read(file) for file in files])
            people[folder.name] = [
                Exemplar(vector, f"{file.stem:0>64}", SegmentKey(0, 60_000), file.name)
                for vector, file in zip(vectors, files, strict=True)
            ]
    return people


def fill_pieces(store: VoiceStore, encoder: Encoder) -> dict[str, list[Turn]]:
    """Everybody's other clips in pieces, a recording each, and who speaks in them."""
    pieces = [
        (file.stem, person, SegmentKey(round(start * 1000), round(end * 1000)), file)
        for person, files in _probes().items()
        for file in files
        for start, end in _pieces(soundfile.info(file).duration)
    ]
    pieces.sort(key=lambda piece: piece[2].duration_ms)
    labels: dict[str, list[Turn]] = defaultdict(list)
    for at in range(0, len(pieces), BATCH):
        batch = pieces[at : at + BATCH]
        vectors = encoder.encode([_cut(_read(file), key) for _, _, key, file in batch])
        for (video, person, key, file), vector in zip(batch, vectors, strict=True):
            audio = VideoAudio(f"{file.stem:0>64}", 60_000, file.name)
            ids = store.register(video, audio, encoder.identity, encoder.default_threshold)
            store.write(ids, encoder.identity, [SegmentRow(key, "ok", vector)])
            labels[video].append(Turn(key.start_s, key.end_s, person))
    return labels


def _cut(samples: NDArray[np.float32], key: SegmentKey) -> NDArray[np.float32]:
    return samples[key.start_ms * RATE // 1000 : key.end_ms * RATE // 1000]


def _probes() -> dict[str, list[Path]]:
    probes: dict[str, list[Path]] = defaultdict(list)
    for folder in sorted((SPEECH / "librispeech-test-other").iterdir()):
        probes[folder.name] += sorted(folder.glob("*.flac"))[EXEMPLARS:]
    for file in sorted((SPEECH / "librispeech-strangers").glob("*.flac")):
        probes[file.stem.split("-")[0]].append(file)
    return probes


def _pieces(seconds: float) -> list[tuple[float, float]]:
    starts = np.arange(0, seconds, HOP).tolist()
    return [(at, at + long) for long in LENGTHS for at in starts if at + long <= seconds]


def _read(file: Path) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = soundfile.read(file, dtype="float32")[0]
    return samples


def show(found: list[Measured]) -> None:
    """A line for each half, and what all of them come to."""
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
