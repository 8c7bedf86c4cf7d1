"""Silero VAD, Resemblyzer's windows and spectral clustering.

``pip install resemblyzer webrtcvad-wheels spectralcluster silero-vad soundfile librosa``; all
weights are in the packages.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from resemblyzer import VoiceEncoder
from running import RATE, Turn, joined, run
from silero_vad import get_speech_timestamps, load_silero_vad
from spectralcluster import SpectralClusterer
from spectralcluster.configs import icassp2018_refinement_options

#: Windows per second; a window is 1.6 s long.
PER_SECOND = 4
MOST_PEOPLE = 10
SHORTEST = 0.4

vad, encoder = load_silero_vad(), VoiceEncoder("cpu", verbose=False)


def diarize(wav: Path) -> list[Turn]:
    samples, _ = soundfile.read(wav, dtype="float32")
    windows = list(_windows(samples))
    if not windows:
        return []
    if len(windows) < 2:
        return [Turn(windows[0][0], windows[0][1], "1")]
    clusterer = SpectralClusterer(
        min_clusters=1,
        max_clusters=min(MOST_PEOPLE, len(windows)),
        refinement_options=icassp2018_refinement_options,
        custom_dist="cosine",
    )
    labels = clusterer.predict(np.stack([vector for *_, vector in windows]))
    spans = [(start, end) for start, end, _ in windows]
    found: list[Turn] = joined(
        (start, end, str(label)) for (start, end), label in zip(spans, labels, strict=True)
    )
    return found


def _windows(samples: np.ndarray) -> Iterator[tuple[float, float, np.ndarray]]:
    """A vector for each quarter of a second of speech, of the window around it."""
    import torch

    for part in get_speech_timestamps(torch.from_numpy(samples), vad, sampling_rate=RATE):
        start, end = part["start"], part["end"]
        if end - start < SHORTEST * RATE:
            continue
        _, vectors, slices = encoder.embed_utterance(
            samples[start:end], return_partials=True, rate=PER_SECOND, min_coverage=0.5
        )
        middles = [(piece.start + piece.stop) / 2 for piece in slices]
        edges = [0.0, *((a + b) / 2 for a, b in pairwise(middles)), float(end - start)]
        for place, vector in enumerate(vectors):
            yield (start + edges[place]) / RATE, (start + edges[place + 1]) / RATE, vector


if __name__ == "__main__":
    run("resemblyzer", diarize)
