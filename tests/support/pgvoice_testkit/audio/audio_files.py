"""Writes audio files of every format from given samples."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

#: Shape ``(channels, samples)``.
Channels = NDArray[np.float32]

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 16: "9.1.6"}

#: The sample format by codec, if it is not the encoder's default.
_FORMATS = {"alac": "s16p", "pcm_s16le": "s16", "pcm_s64le": "s64", "wavpack": "fltp"}


class Coding(NamedTuple):
    """How FFmpeg writes a file, or libsndfile if `codec` is one of its subtypes."""

    suffix: str
    codec: str
    container: str
    #: Options of the container.
    options: Mapping[str, str] = {}
    #: Options of the encoder.
    encoder: Mapping[str, str] = {}


#: Formats whose length shows that a file is cut short.
LOSSY = {
    "mp3": Coding(".mp3", "libmp3lame", "mp3"),
    "opus": Coding(".opus", "libopus", "ogg"),
    "vorbis": Coding(".ogg", "VORBIS", "OGG"),
    "m4a": Coding(".m4a", "aac", "ipod"),
    "m4a, index first": Coding(".m4a", "aac", "ipod", {"movflags": "faststart"}),
    "webm": Coding(".webm", "libopus", "webm"),
    "mka": Coding(".mka", "aac", "matroska"),
}
#: Decoded in blocks. FFmpeg's AAC encoder substitutes noise, at a low bit rate everywhere.
INDEXED = {
    "mp3 32 kbit/s": Coding(".mp3", "libmp3lame", "mp3", {}, {"b": "32000"}),
    "mp3 variable": Coding(".mp3", "libmp3lame", "mp3", {}, {"q": "6"}),
    "mp3 uncounted": Coding(".mp3", "libmp3lame", "mp3", {"write_xing": "0"}),
    "aac without noise": Coding(".m4a", "aac", "ipod", {}, {"aac_pns": "0"}),
    "aac 32 kbit/s": Coding(".m4a", "aac", "ipod", {}, {"b": "32000"}),
    "aac 32 kbit/s in mp4": Coding(".mp4", "aac", "mp4", {}, {"b": "32000"}),
}
#: Formats that do not state their length.
OPEN_ENDED = {
    "mp3 without count": Coding(".mp3", "libmp3lame", "mp3", {"write_xing": "0"}),
    "adts": Coding(".aac", "aac", "adts"),
    "mpegts": Coding(".ts", "aac", "mpegts"),
    "fragmented mp4": Coding(
        ".mp4", "aac", "mp4", {"movflags": "frag_keyframe+empty_moov", "frag_duration": "500000"}
    ),
}
LOSSLESS = {
    "wav": Coding(".wav", "PCM_16", "WAV"),
    "wav 8 bit": Coding(".wav", "PCM_U8", "WAV"),
    "wav 24 bit": Coding(".wav", "PCM_24", "WAV"),
    "wav 32 bit": Coding(".wav", "PCM_32", "WAV"),
    "wav 64 bit": Coding(".wav", "pcm_s64le", "wav"),
    "wav float": Coding(".wav", "FLOAT", "WAV"),
    "wav double": Coding(".wav", "DOUBLE", "WAV"),
    "wavex": Coding(".wav", "PCM_16", "WAVEX"),
    "rf64": Coding(".wav", "PCM_16", "RF64"),
    "w64": Coding(".w64", "PCM_16", "W64"),
    "aiff": Coding(".aiff", "PCM_16", "AIFF"),
    "caf": Coding(".caf", "PCM_16", "CAF"),
    "flac": Coding(".flac", "PCM_16", "FLAC"),
    "flac 24 bit": Coding(".flac", "PCM_24", "FLAC"),
    "alac": Coding(".m4a", "alac", "ipod"),
    "flac in matroska": Coding(".mka", "flac", "matroska"),
    "pcm in mov": Coding(".mov", "pcm_s16le", "mov"),
    "pcm in avi": Coding(".avi", "pcm_s16le", "avi"),
}


def speech_band(seconds: float, rate: int, seed: int = 0) -> NDArray[np.float32]:
    """Noise between 300 Hz and 2 kHz that never repeats."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(frequencies < 300) | (frequencies > 2000)] = 0
    sound = np.fft.irfft(spectrum, count)
    samples: NDArray[np.float32] = (0.8 * sound / np.abs(sound).max()).astype(np.float32)
    return samples


def spread(sound: NDArray[np.float32], channels: int) -> Channels:
    """The sound on every channel, fainter on each."""
    return np.stack([sound * np.float32(1 - 0.1 * channel) for channel in range(channels)])


def write(path: Path, samples: Channels, rate: int, coding: Coding) -> Path:
    """Write the file; the caller chooses the suffix of `path`."""
    if coding.codec.isupper() or coding.codec.startswith("PCM_"):
        soundfile.write(path, samples.T, rate, coding.codec, format=coding.container)
        return path
    with av.open(str(path), "w", coding.container, options=dict(coding.options)) as container:
        _encode(container, samples, rate, coding.codec, coding.encoder)
    return path


def write_video(path: Path, samples: Channels | None, rate: int = 44_100) -> Path:
    """Write an mp4 of 64 by 64 pixels, with AAC if there are samples."""
    with av.open(str(path), "w", "mp4") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        if samples is not None:
            _encode(container, samples, rate, "aac")
        for number in range(20):
            picture = np.full((64, 64, 3), number * 10, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
    return path


def _encode(
    container: Any, samples: Channels, rate: int, codec: str, options: Mapping[str, str] = {}
) -> None:
    layout = _LAYOUTS[len(samples)]
    stream = container.add_stream(codec, rate=rate, layout=layout, options=dict(options))
    if codec in _FORMATS:
        stream.format = _FORMATS[codec]
    packed = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def copy_packets(source: Path, path: Path, container_format: str) -> Path:
    """Write the same packets in another container."""
    with av.open(str(source)) as old, av.open(str(path), "w", container_format) as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(old.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return path
