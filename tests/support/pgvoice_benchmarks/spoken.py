"""What people say in real recordings, by person: without overlap, and clips without silent ends."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.enroll.speech import FRAME_MS, Speech, frames
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.store import SegmentKey, Turn

RATE = 16_000
#: Shorter parts of turns are left out, in seconds.
MIN_SECONDS = 0.3


class ReadSpeech(NamedTuple):
    """LibriSpeech, all clips of a person one after the other."""

    #: People with ten clips.
    people: dict[str, Waveform]
    #: People with one clip.
    strangers: dict[str, Waveform]


def read_speech(folder: Path) -> ReadSpeech:
    people = {
        of.name: np.concatenate([_spoken(clip) for clip in sorted(of.glob("*.flac"))])
        for of in sorted((folder / "librispeech-test-other").iterdir())
        if of.is_dir()
    }
    clips = sorted((folder / "librispeech-strangers").glob("*.flac"))
    return ReadSpeech(people, {clip.stem.split("-")[0]: _spoken(clip) for clip in clips})


def clean_speech(folder: Path) -> dict[str, dict[str, Waveform]]:
    """By recording and label, the parts of turns that no other label overlaps."""
    found: dict[str, dict[str, Waveform]] = {}
    for document in sorted(folder.glob("*.rttm")):
        (audio,) = (path for path in folder.glob(f"{document.stem}.*") if path != document)
        samples, turns = _samples(audio), read_segments(document)
        parts: dict[str, list[Waveform]] = {}
        for turn in turns:
            for start, end in _clean(turn, turns):
                part = samples[round(start * RATE) : round(end * RATE)]
                parts.setdefault(str(turn.label), []).append(part)
        found[document.stem] = {label: np.concatenate(of) for label, of in parts.items()}
    return found


def _clean(turn: Turn, turns: list[Turn]) -> list[tuple[float, float]]:
    left = [(turn.start, turn.end)]
    for other in turns:
        if other.label != turn.label:
            left = [
                part
                for start, end in left
                for part in ((start, min(end, other.start)), (max(start, other.end), end))
                if part[1] > part[0]
            ]
    return [(start, end) for start, end in left if end - start >= MIN_SECONDS]


def _spoken(clip: Path) -> Waveform:
    """A clip from its first to its last frame of speech."""
    samples = _samples(clip)
    levels = frames(samples, RATE)
    speech = Speech({SegmentKey(0, len(samples) * 1000 // RATE): levels})
    loud = np.flatnonzero(levels >= speech.level)
    step = FRAME_MS * RATE // 1000
    return samples[loud[0] * step : (loud[-1] + 1) * step]


def _samples(path: Path) -> Waveform:
    samples: Waveform = librosa.load(path, sr=RATE, mono=True)[0]
    return samples
