"""What `pipeline.py` did before: every segment loads the audio, writes a WAV and calls the model.

``python tests/examples/the_old_way.py 8`` does this for the first 8 segments of each recording.
Nothing is stored, so a second run repeats everything; a segment that fails becomes a guest.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile
from recordings_to_name import PEOPLE, recordings_of, videos

from pgvoice.hooks import Embeddings, Encoder, make_encoder

log = logging.getLogger("the old way")
THRESHOLD = 0.4


def main(most: int) -> None:
    encoder = make_encoder("campplus")
    library = videos()
    people = {name: centroid(encoder, recordings_of(reader)) for name, reader in PEOPLE.items()}
    done, start = 0, time.perf_counter()
    for video in library:
        for where in video.spans[:most]:
            done += 1
            log.info(
                "%s %.1f-%.1f: %s", video.key, *where, named(encoder, video.audio, where, people)
            )
    seconds = time.perf_counter() - start
    log.info("%d segments: %d audio loads, %d model calls, %.1f s", done, done, done, seconds)


def centroid(encoder: Encoder, files: list[Path]) -> Embeddings:
    """The unit mean of a person's recordings."""
    mean = encoder.encode([soundfile.read(file, dtype="float32")[0] for file in files]).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def named(
    encoder: Encoder, audio: Path, where: tuple[float, float], people: dict[str, Embeddings]
) -> str:
    """The most similar person, or a guest, even if encoding fails."""
    try:
        voice = embed(encoder, audio, *where)
    except Exception:
        return "Guest"
    best = max(people, key=lambda name: float(voice @ people[name]))
    return best if voice @ people[best] >= THRESHOLD else "Guest"


def embed(encoder: Encoder, audio: Path, start: float, end: float) -> Embeddings:
    """Load the whole file, write the segment to a file, load that, and encode it alone."""
    samples, rate = librosa.load(audio, sr=16_000)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, samples[round(start * rate) : round(end * rate)], rate)
        piece, _ = librosa.load(file.name, sr=16_000)
    row: Embeddings = encoder.encode([piece])[0]
    return row


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 281)
