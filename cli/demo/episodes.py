"""A series of four episodes, derived from the sample: people recur, each episode sounds different.

Two people speak in the sample. Two more are one of them at another speed, and so at another pitch:
CAM++ finds them no more alike than other people (on average .28 and .32, the others .30).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgvoice.cli.demo.sample import sample_file
from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import needs_extra
from pgvoice.hooks.new_files import write_file
from pgvoice.store.turns import Turn

RATE = 16_000
#: Silence between two turns, in seconds.
_PAUSE = 0.4


class Part(NamedTuple):
    """Speech of one person in the sample that nobody else overlaps, in seconds."""

    start: float
    end: float
    #: How much faster it is played.
    speed: float = 1.0


#: What each person says, by the labels of the sample's reference.
PARTS = {
    "speaker90": [Part(11.05, 14.45), Part(18.6, 21.4), Part(8.4, 9.9), Part(28.5, 29.95)],
    "speaker91": [Part(14.75, 17.9), Part(21.8, 24.7), Part(24.7, 27.8)],
    "speaker90, slow": [Part(18.6, 21.4, 0.82), Part(11.05, 14.45, 0.82), Part(8.4, 9.9, 0.82)],
    "speaker90, fast": [Part(11.05, 14.45, 1.2), Part(18.6, 21.4, 1.2)],
}


class Said(NamedTuple):
    """A turn of the script: who says which of their parts."""

    person: str
    part: int


#: Each person says every part once in the series.
SCRIPT = (
    (Said("speaker91", 0), Said("speaker90", 0), Said("speaker90, slow", 0)),
    (Said("speaker90", 1), Said("speaker91", 1), Said("speaker90, fast", 0)),
    (
        *(Said("speaker90, slow", 1), Said("speaker91", 2)),
        *(Said("speaker90", 2), Said("speaker90", 3)),
    ),
    (Said("speaker90, fast", 1), Said("speaker90, slow", 2)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """A recording, and who speaks when."""

    name: str
    waveform: Waveform
    #: With labels that mean nothing outside the episode, as a diarizer gives them.
    turns: list[Turn]
    #: Who has each label.
    people: dict[str, str]

    def save(self, folder: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
        """Write the recording and its turns; returns the names of both files."""
        audio, rttm = folder / f"{self.name}.wav", folder / f"{self.name}.rttm"
        write_file(audio, _wav(self.waveform), overwrite=overwrite)
        lines = [
            f"SPEAKER {self.name} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA>"
            f" {turn.label} <NA> <NA>\n"
            for turn in self.turns
        ]
        write_file(rttm, "".join(lines).encode(), overwrite=overwrite)
        return audio, rttm


def make_episodes() -> list[Episode]:
    """The series. Raises `EncoderUnavailable` if the sample is not installed."""
    parts = [part for parts in PARTS.values() for part in parts]
    spans = [(round(part.start * 1000), round(part.end * 1000)) for part in parts]
    with open_recording(sample_file("sample.wav")) as recording:
        heard = dict(recording.cut(spans, RATE))
    spoken = {part: _sped_up(heard[place], part.speed) for place, part in enumerate(parts)}
    return [
        _episode(number, script, spoken, channel)
        for number, (script, channel) in enumerate(zip(SCRIPT, _CHANNELS, strict=True), 1)
    ]


def _episode(
    number: int,
    script: tuple[Said, ...],
    spoken: dict[Part, Waveform],
    channel: Callable[[Waveform], Waveform],
) -> Episode:
    pieces, turns, labels = [_silence()], list[Turn](), dict[str, str]()
    for said in script:
        label = labels.setdefault(said.person, f"SPEAKER_{len(labels):02}")
        waveform = spoken[PARTS[said.person][said.part]]
        start = sum(piece.size for piece in pieces) / RATE
        turns.append(Turn(round(start, 3), round(start + waveform.size / RATE, 3), label))
        pieces += [waveform, _silence()]
    people = {label: person for person, label in labels.items()}
    return Episode(f"episode{number}", channel(np.concatenate(pieces)), turns, people)


def _silence() -> Waveform:
    return np.zeros(round(_PAUSE * RATE), np.float32)


def _sped_up(waveform: Waveform, speed: float) -> Waveform:
    if speed == 1.0:
        return waveform
    with needs_extra("extract"):
        import librosa
    faster: Waveform = librosa.resample(
        waveform, orig_sr=round(RATE * speed), target_sr=RATE, res_type="soxr_hq"
    )
    return faster


def _unchanged(waveform: Waveform) -> Waveform:
    return waveform


def _telephone(waveform: Waveform) -> Waveform:
    return _band(waveform, 250, 3600, 0.3)


def _muffled(waveform: Waveform) -> Waveform:
    noise = np.random.default_rng(0).normal(scale=0.0015, size=waveform.size)
    return _band(waveform, 0, 5000, 0.6) + noise.astype(np.float32)


def _in_a_room(waveform: Waveform) -> Waveform:
    """With a reflection after 13 ms."""
    late, echo = round(0.013 * RATE), waveform.copy()
    echo[late:] += 0.35 * waveform[:-late]
    return 0.8 * echo


#: What each episode sounds like.
_CHANNELS = (_unchanged, _telephone, _muffled, _in_a_room)


def _band(waveform: Waveform, lowest: float, highest: float, gain: float) -> Waveform:
    """Only these frequencies, in Hz."""
    spectrum = np.fft.rfft(waveform)
    frequencies = np.fft.rfftfreq(waveform.size, 1 / RATE)
    spectrum[(frequencies < lowest) | (frequencies > highest)] = 0
    return (gain * np.fft.irfft(spectrum, waveform.size)).astype(np.float32)


def _wav(waveform: Waveform) -> bytes:
    with needs_extra("extract"):
        import soundfile
    written = io.BytesIO()
    soundfile.write(written, waveform, RATE, "PCM_16", format="WAV")
    return written.getvalue()
