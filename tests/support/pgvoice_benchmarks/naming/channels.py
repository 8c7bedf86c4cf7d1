"""Copies of recordings as other channels would give them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import librosa
import numpy as np
import soundfile

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.store import Turn
from pgvoice_benchmarks.naming.recordings import Recording

RATE = 16_000
TELEPHONE_RATE = 8_000
#: The band that a telephone passes.
_BAND_HZ = (300, 3400)
_MP3_BIT_RATE = 32_000


def telephone(samples: Waveform, file: Path) -> Path:
    """8 kHz, 300 to 3400 Hz, mu-law (ITU-T G.711)."""
    narrow = librosa.resample(samples, orig_sr=RATE, target_sr=TELEPHONE_RATE, res_type="soxr_hq")
    spectrum = np.fft.rfft(narrow)
    frequencies = np.fft.rfftfreq(len(narrow), 1 / TELEPHONE_RATE)
    spectrum[(frequencies < _BAND_HZ[0]) | (frequencies > _BAND_HZ[1])] = 0
    narrow = np.fft.irfft(spectrum, len(narrow)).astype(np.float32)
    return _written(file.with_suffix(".wav"), narrow, TELEPHONE_RATE, "ULAW")


def mp3(samples: Waveform, file: Path) -> Path:
    """32 kbit/s, one channel."""
    import av

    path = file.with_suffix(".mp3")
    with av.open(str(path), "w", "mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = _MP3_BIT_RATE
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, 0
        resampler = av.AudioResampler("fltp", "mono", RATE, frame_size=1152 // 2)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def noise(decibels: float) -> Callable[[Waveform, Path], Path]:
    """Noise that falls with the frequency, so much quieter than the recording."""

    def added(samples: Waveform, file: Path) -> Path:
        walk = np.cumsum(np.random.default_rng(5).standard_normal(len(samples)))
        walk -= np.convolve(walk, np.ones(400) / 400, "same")
        level = np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20) / walk.std()
        return _written(file.with_suffix(".flac"), samples + level * walk, RATE)

    return added


def speed(times: Fraction) -> Callable[[Waveform, Path], Path]:
    """Faster or slower, as a tape would be: the pitch changes too."""

    def changed(samples: Waveform, file: Path) -> Path:
        changed_to = librosa.resample(
            samples, orig_sr=float(RATE * times), target_sr=RATE, res_type="soxr_hq"
        )
        return _written(file.with_suffix(".flac"), changed_to, RATE)

    return changed


#: What makes each channel's file, and how many times as fast it is.
CHANNELS: dict[str, tuple[Callable[[Waveform, Path], Path], Fraction]] = {
    "telephone": (telephone, Fraction(1)),
    "mp3": (mp3, Fraction(1)),
    "noise 10 dB": (noise(10), Fraction(1)),
    "noise 5 dB": (noise(5), Fraction(1)),
    "speed +10 %": (speed(Fraction(11, 10)), Fraction(11, 10)),
    "speed -10 %": (speed(Fraction(9, 10)), Fraction(9, 10)),
}
AS_RECORDED = "as recorded"


def through(recording: Recording, channel: str, folder: Path) -> Recording:
    """The recording through a channel; itself if that is `AS_RECORDED`."""
    if channel == AS_RECORDED:
        return recording
    make, times = CHANNELS[channel]
    key = f"{recording.key}, {channel}"
    samples = librosa.load(recording.audio, sr=RATE)[0]
    audio = make(samples, folder / key.replace("/", "-").replace(" ", "_"))
    turns = [Turn(t.start / float(times), t.end / float(times), t.label) for t in recording.turns]
    return Recording(key, recording.group, audio, turns, recording.origin)


def _written(path: Path, samples: Waveform, rate: int, subtype: str | None = None) -> Path:
    loudest = max(1.0, float(np.abs(samples).max()))
    soundfile.write(path, samples / loudest, rate, subtype=subtype)
    return path
