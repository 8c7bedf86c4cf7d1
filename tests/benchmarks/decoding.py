"""The cost of decoding by the number of missing segments: ``python tests/benchmarks/decoding.py``.

Three hours each of mp3, m4a, opus, wav and flac, in a temporary folder (0.8 GB), from three minutes
of speech or, if there is none, of noise in the speech band. Seconds are wall clock time with the
files in the page cache, and in brackets the share of decoding everything. All but the first
include opening the file: hashing it and measuring its length.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import click
import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.audio_files import Coding, speech_band, write
from pgvoice_testkit.audio.shared_recordings import SPEECH

from pgvoice.hooks.audio.recording import open_recording

MINUTES, REPEATS = 3, 60
DURATION_MS = MINUTES * REPEATS * 60_000
#: The sample rate of the encoders.
SAMPLE_RATE = 16_000
SEGMENTS, MISSING, SEGMENT_MS = 281, 28, 3000

#: (coding, Hz), mono; at 64 kbit/s where lossy.
LOSSY = {
    "mp3": (Coding(".mp3", "libmp3lame", "mp3", {}, {"b": "64000"}), 44_100),
    "m4a": (Coding(".m4a", "aac", "ipod", {}, {"b": "64000"}), 44_100),
    "opus": (Coding(".opus", "libopus", "ogg", {}, {"b": "64000"}), 48_000),
}
LOSSLESS = {"wav": "WAV", "flac": "FLAC"}


@click.command()
def main() -> None:
    """Measure how long one span, some spans, and all of three hours take to decode."""
    columns = ("file", "MB", "hash", "open", "one span at the end", f"{MISSING} of {SEGMENTS}")
    table = Table(*columns, "everything")
    with TemporaryDirectory() as folder:
        sound = _sound()
        for name in (*LOSSY, *LOSSLESS):
            path = make(Path(folder), name, sound)
            table.add_row(name, f"{path.stat().st_size / 1e6:.0f}", *measure(path))
            path.unlink()
    Console().print(table)


def measure(path: Path) -> list[str]:
    step = DURATION_MS // SEGMENTS
    segments = [(number * step, number * step + SEGMENT_MS) for number in range(SEGMENTS)]
    everything = _seconds(lambda: decode(path, [(s, s + step) for s, _ in segments]))
    last = [(DURATION_MS - 2 * SEGMENT_MS, DURATION_MS - SEGMENT_MS)]
    times = [
        _seconds(lambda: _hash(path)),
        _seconds(lambda: decode(path, [])),
        _seconds(lambda: decode(path, last)),
        _seconds(lambda: decode(path, random.Random(0).sample(segments, MISSING))),
    ]
    return [f"{t:.2f} ({t / everything:.1%})" for t in times] + [f"{everything:.2f}"]


def decode(path: Path, spans: Sequence[tuple[int, int]]) -> None:
    with open_recording(path) as recording:
        for _ in recording.cut(spans, SAMPLE_RATE):
            pass


def make(folder: Path, name: str, sound: NDArray[np.float32]) -> Path:
    path = folder / f"long.{name}"
    if name in LOSSLESS:
        with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16", format=name.upper()) as file:
            for _ in range(REPEATS):
                file.write(sound)
        return path
    coding, rate = LOSSY[name]
    resampled = librosa.resample(sound, orig_sr=SAMPLE_RATE, target_sr=rate, res_type="soxr_hq")
    short = write(folder / f"short.{name}", resampled[None], rate, coding)
    return _repeat(short, path, coding.container)


def _repeat(source: Path, path: Path, container: str) -> Path:
    """Repeat the packets of a file: encoding three hours would take minutes."""
    with av.open(str(source)) as old:
        stream = old.streams.audio[0]
        packets = list(takewhile(lambda packet: packet.size, old.demux(stream)))[:-1]
        with av.open(str(path), "w", container) as new:
            copy = new.add_stream_from_template(stream)
            times = [(packet.pts or 0, packet.time_base, packet.duration) for packet in packets]
            length = sum(duration or 0 for _, _, duration in times)
            for number in range(REPEATS):
                for packet, (pts, base, duration) in zip(packets, times, strict=True):
                    packet.pts = packet.dts = pts + number * length
                    packet.stream, packet.duration = copy, duration or 0
                    packet.time_base = base or Fraction(1)
                    new.mux(packet)
    return path


def _sound() -> NDArray[np.float32]:
    """Three minutes at `SAMPLE_RATE`."""
    speech = SPEECH / "simulated-podcast" / "podcast-dev.flac"
    if not speech.exists():
        return speech_band(MINUTES * 60, SAMPLE_RATE)
    samples, _ = soundfile.read(speech, dtype="float32")
    whole: NDArray[np.float32] = np.resize(samples, MINUTES * 60 * SAMPLE_RATE)
    return whole


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
