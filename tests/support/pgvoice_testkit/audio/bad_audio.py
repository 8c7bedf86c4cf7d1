"""Damaged audio files, decoded in a process with limits."""

from __future__ import annotations

import json
import random
import resource
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pgvoice_benchmarks.memory import peak_bytes

from pgvoice.hooks import AudioError
from pgvoice.hooks.audio.recording import open_recording
from pgvoice_testkit.audio.audio_files import LOSSLESS, LOSSY, speech_band, spread, write
from pgvoice_testkit.audio.hearing import probe
from pgvoice_testkit.processes.modules import command, environment

MEMORY, SECONDS = 4 << 30, 20
KINDS = {"wav": LOSSLESS["wav"], "flac": LOSSLESS["flac"], "mp3": LOSSY["mp3"], "m4a": LOSSY["m4a"]}
_NUMBERS = (0, 1, 0x7FFF, 0xFFFF, 10**9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


class Heard(NamedTuple):
    """The outcome for all inputs."""

    #: By kind of answer: ``heard``, or the name of an `AudioError`.
    answers: Counter[str]
    #: Anything else, with the number of the input.
    failures: list[str]
    most_seconds: float
    peak_bytes: int


def hear(first: int, number: int, folder: Path) -> Heard:
    """Decode `number` inputs in a process that ends at 4 GB or if an input takes 20 s."""
    done = subprocess.run(
        command("pgvoice_testkit.audio.bad_audio", str(first), str(number), str(folder)),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = lines[-1] if lines else "none"
        raise RuntimeError(f"input {last}: exit code {done.returncode}, {done.stderr[-600:]}")
    told = json.loads(lines[-1])
    return Heard(Counter(told[0]), *told[1:])


def inputs(first: int, number: int, folder: Path) -> Iterator[tuple[int, str, bytes]]:
    """(number, suffix, bytes); the same for the same number."""
    samples = spread(speech_band(1.0, 16_000), 2)
    whole = {}
    for name, coding in KINDS.items():
        path = write(folder / f"whole{coding.suffix}", samples, 16_000, coding)
        whole[coding.suffix] = path.read_bytes()
        assert probe(path).duration_ms >= 900, name
    for place in range(first, first + number):
        chosen = random.Random(place)
        suffix = list(whole)[place % len(whole)]
        yield place, suffix, _damaged(bytearray(whole[suffix]), chosen)


def _damaged(data: bytearray, chosen: random.Random) -> bytes:
    for _ in range(chosen.randint(1, 4)):
        reach = min(len(data), chosen.choice((64, 256, len(data)))) or 1
        place, how = chosen.randrange(reach), chosen.randrange(5)
        if how == 0:
            data[place:] = b""
        elif how == 1:
            data[place : place + 1] = bytes([chosen.randrange(256)])
        elif how == 2:
            order = chosen.choice("<>")
            data[place : place + 4] = struct.pack(order + "I", chosen.choice(_NUMBERS))
        elif how == 3:
            data[place:place] = chosen.randbytes(chosen.choice((1, 7, 4096)))
        else:
            length = chosen.choice((1, 16, 1024))
            data[place : place + length] = b""
    return bytes(data)


def _hear(path: Path) -> str:
    try:
        with open_recording(path) as recording:
            end = recording.info.duration_ms
            spans = [(0, 500), (max(0, end - 700), end), (end, end + 1000), (200, 60_000)]
            for _, waveform in recording.cut(spans, 16_000):
                assert waveform.dtype == np.float32
                assert len(waveform) <= 60 * 16_000
    except AudioError as error:
        return type(error).__name__ if "\n" not in str(error) else f"long: {error}"
    return "heard"


def _main(first: int, number: int, folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    answers: Counter[str] = Counter()
    failures, most = [], 0.0
    for place, suffix, data in inputs(first, number, folder):
        print(place, flush=True)  # noqa: T201 - whoever started this reads it
        path = folder / f"bad{suffix}"
        path.write_bytes(data)
        signal.alarm(SECONDS)
        started = time.monotonic()
        try:
            answers[_hear(path)] += 1
        except Exception as error:  # told to whoever asked
            failures.append(f"input {place} ({suffix}): {type(error).__name__}: {error}"[:300])
        most = max(most, time.monotonic() - started)
        signal.alarm(0)
    print(json.dumps([answers, failures, most, peak_bytes()]))  # noqa: T201


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
