"""Files of many hours, written in seconds by repeating a piece; mono, 22.05 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import librosa
import numpy as np
import soundfile

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice_benchmarks.material import FORMATS, RATE, Coding, speech

FILE_RATE = 22_050
#: Seconds of the piece.
PIECE = 120
BIT_RATE = 64_000


def write(folder: Path, name: str, seconds: float) -> Path:
    """A file of this format and length; lossy formats encode the piece once."""
    piece = librosa.resample(speech(PIECE), orig_sr=RATE, target_sr=FILE_RATE, res_type="soxr_hq")
    size, path = round(seconds * FILE_RATE), folder / f"long.{name}"
    if FORMATS[name].bit_rate is None:
        _write_samples(path, piece, size)
    else:
        short = folder / f"piece.{name}"
        _encode(short, FORMATS[name], piece[:size])
        _repeat(short, path, FORMATS[name], size)
        short.unlink()
    return path


def _write_samples(path: Path, piece: Waveform, size: int) -> None:
    with soundfile.SoundFile(path, "w", FILE_RATE, 1, "PCM_16") as file:
        for start in range(0, size, len(piece)):
            file.write(piece[: size - start])


def _encode(path: Path, coding: Coding, samples: Waveform) -> None:
    with av.open(str(path), "w", coding.container) as container:
        stream: Any = container.add_stream(coding.codec, rate=FILE_RATE, layout="mono")
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), "fltp", "mono")
        frame.sample_rate, frame.pts = FILE_RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _repeat(short: Path, path: Path, coding: Coding, size: int) -> None:
    """Repeat the packets with continuing times."""
    with av.open(str(path), "w", coding.container) as new:
        with av.open(str(short)) as old:
            stream = new.add_stream_from_template(old.streams.audio[0])
        end = 0
        while end < size:
            for packet in _packets(short):
                packet.stream, packet.pts, packet.dts = stream, end, end
                end += packet.duration
                new.mux(packet)


def _packets(path: Path) -> Iterator[Any]:
    """The packets that are not empty, with times in samples."""
    with av.open(str(path)) as container:
        packet: Any
        for packet in container.demux(container.streams.audio[0]):
            if packet.size:
                packet.duration = round(packet.duration * packet.time_base * FILE_RATE)
                packet.time_base = Fraction(1, FILE_RATE)
                yield packet
