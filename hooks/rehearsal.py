"""What a fill and an ingest need, tried out on a second of generated sound."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.audio.stream import AudioStream
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.lazy import LazyEncoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.errors import (
    AudioUnreadable,
    EncoderUnavailable,
    SegmenterUnavailable,
    needs_extra,
)
from pgvoice.hooks.segmenters.registry import make_segmenter

#: Hz; resampled for any encoder.
_RATE = 44_100
_SPAN_MS = (0, 1000)
_LENGTH = 1e-3


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """An encoder that works."""

    encoder: str
    device: str
    #: Whether its weights still have to be downloaded; it was tried out with others.
    lacks_weights: bool
    #: What a trial of this processor's speed chose; empty without one.
    chosen: str = ""


def rehearse_encoding(name: str | None = None) -> Rehearsal:
    """Run an encoder, by default the one that a fill uses; downloads nothing for built-in ones.

    Raises `EncoderUnavailable`, and whatever an encoder of a plugin raises.
    """
    encoder = make_encoder(name)
    sound = generated_sound(encoder.identity.sample_rate)
    lacking = isinstance(encoder, LazyEncoder) and not encoder.has_weights()
    chosen = ""
    if isinstance(encoder, LazyEncoder) and lacking:
        network = encoder.untrained()
        rows, chosen = network.encode([sound]), network.chosen
    else:
        rows = encoder.encode([sound])
        if isinstance(encoder, LazyEncoder):
            chosen = encoder.chosen
    lengths = np.linalg.norm(rows, axis=1)
    if rows.shape != (1, encoder.identity.dimension) or not abs(lengths - 1).max() < _LENGTH:
        raise EncoderUnavailable(
            f"the encoder {encoder.identity} returns no vector of unit length for a second of"
            f" sound, but one of length {lengths}: choose another encoder"
        )
    return Rehearsal(str(encoder.identity), encoder.device, lacking, chosen)


def rehearse_segmenting(name: str | None = None) -> tuple[str, str]:
    """Run a segmenter, by default the one that an ingest uses; its identity and its device.

    Downloads what an ingest would. Raises `SegmenterUnavailable`, and whatever a segmenter of a
    plugin raises.
    """
    segmenter = make_segmenter(name)
    with TemporaryDirectory(prefix="pgvoice-") as folder:
        path = Path(folder, "sound.wav")
        _write_wav(path, generated_sound(_RATE))
        with open_recording(path) as recording:
            turns = list(segmenter.turns(AudioStream(recording)))
    for turn in turns:
        if not 0 <= turn.start < turn.end <= 1 + _LENGTH:
            raise SegmenterUnavailable(
                f"the segmenter {segmenter.identity} finds a turn from {turn.start} to {turn.end} s"
                " in a second of sound: choose another segmenter"
            )
    return str(segmenter.identity), segmenter.device


def rehearse_decoding(sample_rate: int = 16_000) -> tuple[str, ...]:
    """Write, decode and resample a second of sound; the formats that were read.

    WAV is decoded by libsndfile, AAC by FFmpeg. Raises `EncoderUnavailable` if a package is
    missing, and `AudioError`.
    """
    formats = {"WAV": ("sound.wav", _write_wav), "AAC": ("sound.m4a", _write_aac)}
    with TemporaryDirectory(prefix="pgvoice-") as folder:
        for name, (file, write) in formats.items():
            path = Path(folder, file)
            write(path, generated_sound(_RATE))
            with open_recording(path) as recording:
                ((_, waveform),) = recording.cut([_SPAN_MS], sample_rate)
            if len(waveform) != sample_rate or not np.isfinite(waveform).all():
                raise AudioUnreadable(
                    f"{len(waveform)} samples were decoded from a second of {name}"
                )
    return tuple(formats)


def generated_sound(rate: int) -> Waveform:
    """Chords that change every tenth of a second, at half of full scale."""
    times = np.arange(rate) / rate
    pitch = 110 * (1 + times * 10 // 1 % 5)
    harmonics = np.arange(1, 4)[:, None]
    chord = (np.sin(2 * np.pi * pitch * times * harmonics) / harmonics).sum(0)
    waveform: Waveform = (chord / 4).astype(np.float32)
    return waveform


def _write_wav(path: Path, sound: Waveform) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, _RATE, len(sound), "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def _write_aac(path: Path, sound: Waveform) -> None:
    with needs_extra("extract"):
        import av
    with av.open(str(path), "w", format="ipod") as container:
        stream: Any = container.add_stream("aac", rate=_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate = _RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
