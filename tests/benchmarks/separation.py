"""How well an encoder separates voices: ``python tests/benchmarks/separation.py``.

Compares every pair of 100 LibriSpeech clips of ten people, whole and cut to their first seconds,
and every piece of twenty strangers with the profiles of four people.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.podcast import ENROLLED, EXEMPLARS
from pgvoice_testkit.audio.shared_recordings import SPEECH

from pgvoice.hooks import Encoder, make_encoder
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform

RATE = 16_000
#: Seconds of each clip; None is all of it.
LENGTHS = (None, 3.0, 1.5)
FALSE_ACCEPTS = 0.01
Scores = NDArray[np.float64]


class Clip(NamedTuple):
    speaker: str
    waveform: Waveform


@click.command()
@click.option("--encoder", "name", default="campplus", show_default=True)
@click.option("--beside", help="An encoder whose vectors of the clips may be compared with these.")
def main(name: str, beside: str | None) -> None:
    """Print the similarities of the same voice and of different voices, by length."""
    encoder = make_encoder(name)
    clips = _clips("librispeech-test-other/*/*.flac")
    strangers = _clips("librispeech-strangers/*.flac")
    table = Table(
        "clips", "same", "different", "EER", "at", "1 % false accepts at", "strangers max"
    )
    for seconds in LENGTHS:
        same, different = _pairs(encoder, clips, seconds)
        error, threshold = equal_error(same, different)
        table.add_row(
            "whole" if seconds is None else f"{seconds} s",
            f"{same.mean():.3f} ± {same.std():.3f}",
            f"{different.mean():.3f} ± {different.std():.3f}",
            f"{error:.2%}",
            f"{threshold:.3f}",
            f"{np.quantile(different, 1 - FALSE_ACCEPTS):.3f}",
            f"{_stranger_scores(encoder, clips, strangers, seconds).max():.3f}",
        )
    Console().print(table)
    if beside is not None:
        _compare(encoder, make_encoder(beside), clips)


def _compare(encoder: Encoder, other: Encoder, clips: list[Clip]) -> None:
    """Print how similar two encoders' vectors of a clip are."""
    for seconds in LENGTHS:
        cut = [_cut(clip.waveform, seconds) for clip in clips]
        found = (encoder.encode(cut) * other.encode(cut)).sum(1)
        length = "whole" if seconds is None else f"{seconds} s"
        click.echo(f"{length}: {found.mean():.3f} to {other.identity}, at least {found.min():.3f}")


def equal_error(same: Scores, different: Scores) -> tuple[float, float]:
    """The equal error rate, and its threshold."""
    thresholds = np.sort(np.concatenate([same, different]))
    missed = np.searchsorted(np.sort(same), thresholds) / len(same)
    accepted = 1 - np.searchsorted(np.sort(different), thresholds) / len(different)
    place = int(np.argmin(np.abs(missed - accepted)))
    return float(missed[place] + accepted[place]) / 2, float(thresholds[place])


def _pairs(encoder: Encoder, clips: list[Clip], seconds: float | None) -> tuple[Scores, Scores]:
    """Similarities between clips of the same person, and of different people."""
    vectors = encoder.encode([_cut(clip.waveform, seconds) for clip in clips])
    speakers = np.array([clip.speaker for clip in clips])
    upper = np.triu_indices(len(clips), 1)
    similarities = (vectors.astype(np.float64) @ vectors.T)[upper]
    same = (speakers[:, None] == speakers)[upper]
    return similarities[same], similarities[~same]


def _stranger_scores(
    encoder: Encoder, clips: list[Clip], strangers: list[Clip], seconds: float | None
) -> Scores:
    """The similarity of each piece of the strangers' clips to its nearest profile."""
    profiles = np.stack([_profile(encoder, clips, name) for name in ENROLLED])
    pieces = [piece for clip in strangers for piece in _pieces(clip.waveform, seconds)]
    return np.asarray((encoder.encode(pieces) @ profiles.T).max(1), np.float64)


def _profile(encoder: Encoder, clips: list[Clip], name: str) -> Embeddings:
    own = [clip.waveform for clip in clips if clip.speaker == name][:EXEMPLARS]
    mean = encoder.encode(own).mean(0)
    profile: Embeddings = mean / np.linalg.norm(mean)
    return profile


def _pieces(waveform: Waveform, seconds: float | None) -> list[Waveform]:
    size = len(waveform) if seconds is None else round(seconds * RATE)
    return [waveform[at : at + size] for at in range(0, len(waveform) - size + 1, size)]


def _cut(waveform: Waveform, seconds: float | None) -> Waveform:
    return waveform if seconds is None else waveform[: round(seconds * RATE)]


def _clips(pattern: str) -> list[Clip]:
    paths = sorted(SPEECH.glob(pattern))
    if not paths:
        raise SystemExit(f"no recordings at {SPEECH}")
    return [
        Clip(path.stem.split("-")[0], soundfile.read(path, dtype="float32")[0]) for path in paths
    ]


if __name__ == "__main__":
    main()
