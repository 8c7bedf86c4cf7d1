"""What runners share: ``python RUNNER.py FOLDER`` reads ``FOLDER/audio`` and writes RTTM files.

A runner works in an environment of its own, without pgvoice. FOLDER is one that
``tests/benchmarks/diarization.py --write FOLDER`` made.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import soundfile

RATE = 16_000


class Turn(NamedTuple):
    """Seconds, and the name of a person within a recording."""

    start: float
    end: float
    label: str


def run(name: str, diarize: Callable[[Path], Iterable[Turn]]) -> None:
    """Diarize every file; keeps the processor's seconds for each, without those of loading."""
    folder = Path(sys.argv[1])
    files = sorted((folder / "audio").glob("*.flac"))
    wavs, out = folder / "wav", folder / name
    wavs.mkdir(exist_ok=True)
    out.mkdir(exist_ok=True)
    list(diarize(_wav(files[0], wavs)))
    seconds = []
    for file in files:
        wav, start = _wav(file, wavs), time.process_time()
        turns = sorted(diarize(wav))
        seconds.append(f"{file.stem} {time.process_time() - start:.2f}\n")
        (out / f"{file.stem}.rttm").write_text("".join(_line(file.stem, turn) for turn in turns))
    (out / "seconds.txt").write_text("".join(seconds))


def _wav(file: Path, folder: Path) -> Path:
    """The same samples as a WAV file, at 16 kHz."""
    wav = folder / f"{file.stem}.wav"
    if not wav.exists():
        samples, rate = soundfile.read(file, dtype="float32")
        if rate != RATE:
            import librosa

            samples = librosa.resample(samples, orig_sr=rate, target_sr=RATE, res_type="soxr_hq")
        soundfile.write(wav, samples, RATE, "PCM_16")
    return wav


def _line(uri: str, turn: Turn) -> str:
    length = turn.end - turn.start
    return f"SPEAKER {uri} 1 {turn.start:.3f} {length:.3f} <NA> <NA> {turn.label} <NA> <NA>\n"


def joined(labels: Iterable[tuple[float, float, str]], gap: float = 0.05) -> list[Turn]:
    """Windows in order as turns: those of one person that follow on another are one turn."""
    found: list[Turn] = []
    for start, end, label in labels:
        if found and found[-1].label == label and start - found[-1].end <= gap:
            found[-1] = Turn(found[-1].start, end, label)
        else:
            found.append(Turn(start, end, label))
    return found
