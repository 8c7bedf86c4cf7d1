"""Long recordings of conversations: all sets one after the other, again and again in other voices.

Each repetition is played faster or slower, as a tape would be, so that nothing is heard twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import librosa
import numpy as np
import soundfile
from scipy.signal import resample_poly

from pgvoice.hooks.encoders.encoder import Waveform

RATE = 16_000
FORMATS = {"flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III")}
#: Conversations first.
SETS = (
    "simulated-podcast", "ami-30s", "series", "pyannote-sample", "digits-8khz",
    "librispeech-test-other",
)  # fmt: skip
#: Speeds as fractions; the later ones change voices by up to an eighth.
SPEEDS = ((1, 1), (15, 16), (16, 15), (10, 11), (11, 10), (8, 9), (9, 8), (20, 21), (21, 20))


def write(speech: Path, folder: Path, name: str, seconds: float) -> Path:
    """A file of this format and length: 16 kHz, mono."""
    container, coding = FORMATS[name]
    path, left = folder / f"talk.{name}", round(seconds * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, coding, format=container) as file:
        for piece in _pieces(speech):
            file.write(piece[:left])
            left -= len(piece)
            if left <= 0:
                return path
    raise ValueError(f"no recordings at {speech}")


def _pieces(speech: Path) -> Iterator[Waveform]:
    """Recordings without end."""
    files = [file for group in SETS for file in sorted((speech / group).rglob("*.flac"))]
    for turn in count() if files else ():
        up, down = SPEEDS[turn % len(SPEEDS)]
        for file in files:
            samples, rate = soundfile.read(file, dtype="float32")
            if rate != RATE:
                samples = librosa.resample(
                    samples, orig_sr=rate, target_sr=RATE, res_type="soxr_hq"
                )
            yield np.asarray(resample_poly(samples, up, down), np.float32)
