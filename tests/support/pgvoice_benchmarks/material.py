"""Material for measurements: speech of any length, spans in it, files in several formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import librosa
import numpy as np
import soundfile
from pgvoice_testkit.audio.shared_recordings import SPEECH

from pgvoice.hooks.encoders.encoder import Waveform

if TYPE_CHECKING:
    import av

RATE = 16_000
FILE_RATE = 44_100
#: Seconds of a segment: median, minimum, maximum.
MEDIAN, SHORTEST, LONGEST = 3.0, 0.5, 20.0
SPREAD = 0.6
#: Seconds encoded at once.
BLOCK = 10
Span = tuple[float, float]


class Coding(NamedTuple):
    """Settings of FFmpeg."""

    codec: str
    container: str
    sample_format: str
    bit_rate: int | None = None


FORMATS = {
    "wav": Coding("pcm_s16le", "wav", "s16"),
    "flac": Coding("flac", "flac", "s16"),
    "mp3": Coding("libmp3lame", "mp3", "fltp", 128_000),
    "m4a": Coding("aac", "ipod", "fltp", 128_000),
}


def speech(seconds: float) -> Waveform:
    """Speech at `RATE`: all recordings in sequence, repeated if they are too short."""
    size = round(seconds * RATE)
    pieces: list[Waveform] = []
    for path in _recordings():
        pieces.append(_read(path))
        if sum(map(len, pieces)) >= size:
            break
    return np.resize(np.concatenate(pieces or [_noise(size)]), size)


def described() -> str:
    """What `speech` returns on this machine."""
    return "recordings of speech" if _recordings() else "noise shaped like speech"


def _recordings() -> list[Path]:
    """The recordings at `RATE`, in the order of their names."""
    return [
        path for path in sorted(SPEECH.glob("**/*.flac")) if soundfile.info(path).samplerate == RATE
    ]


def _read(path: Path) -> Waveform:
    samples: Waveform
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return samples[:, 0]


def _noise(size: int) -> Waveform:
    """White noise whose loudness changes every 60 ms, like syllables."""
    rng = np.random.default_rng(0)
    loudness = np.repeat(rng.uniform(0.01, 1, size // 960 + 1), 960)[:size]
    return (0.1 * loudness * rng.standard_normal(size)).astype(np.float32)


def spans(seconds: float, count: int) -> list[Span]:
    """Segments of lognormal durations at random times, without overlap, in order, seeded.

    They are shorter if there is not enough room. Raises `ValueError` if even the shortest do not
    fit.
    """
    rng = np.random.default_rng(0)
    median = min(MEDIAN, 0.7 * seconds / count)
    durations = rng.lognormal(np.log(median), SPREAD, count).clip(SHORTEST, LONGEST)
    free = seconds - float(durations.sum())
    if free < 0:
        raise ValueError(f"{count} segments do not fit into {seconds:.0f} s")
    gaps = rng.dirichlet(np.ones(count + 1))[:count] * free
    ends = np.cumsum(durations + gaps)
    return [(float(end - d), float(end)) for end, d in zip(ends, durations, strict=True)]


def write(folder: Path, name: str, samples: Waveform) -> Path:
    """`samples` at `RATE` as a file of this format: 44.1 kHz, two channels."""
    import av

    coding, path = FORMATS[name], folder / f"speech.{name}"
    with av.open(str(path), "w", coding.container) as container:
        stream: Any = container.add_stream(coding.codec, rate=FILE_RATE, layout="stereo")
        stream.format = coding.sample_format
        if coding.bit_rate:
            stream.bit_rate = coding.bit_rate
        for frame in _frames(samples):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _frames(samples: Waveform) -> Iterator[av.AudioFrame]:
    """Stereo frames; the second channel is slightly quieter."""
    import av

    resampled = librosa.resample(samples, orig_sr=RATE, target_sr=FILE_RATE, res_type="soxr_hq")
    for start in range(0, len(resampled), BLOCK * FILE_RATE):
        block = resampled[start : start + BLOCK * FILE_RATE]
        channels = np.stack([block, np.float32(0.9) * block])
        frame = av.AudioFrame.from_ndarray(channels, "fltp", "stereo")
        frame.sample_rate, frame.pts = FILE_RATE, start
        yield frame
