"""``ClipCutter``: cuts any span of speech from its recording, as a WAV file in memory."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np

from pgvoice.hooks.audio.same_file import KeptOpen
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioNotFound, ExtraMissing, needs_extra
from pgvoice.hooks.listening.clip_cache import ClipCache
from pgvoice.hooks.sources import FOLDER_VARIABLE
from pgvoice.store.recordings.hearing import Hearable
from pgvoice.store.voice_store import VoiceStore

#: Hz. Recordings with more are resampled: nobody hears it, and a clip stays below 6 MB.
HIGHEST_RATE = 48_000
#: Bytes of clips that are kept.
CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class WavClip:
    """A part of a recording: mono, 16 bits."""

    video: str
    #: With its context; in seconds.
    start: float
    end: float
    wav: bytes
    #: The same for the same sound; in hexadecimal.
    digest: str


class ClipCutter:
    """Cuts clips from the files that recordings were filled from; threads may share it."""

    def __init__(self, store: VoiceStore, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._store = store
        self._cache = ClipCache(cache_bytes)
        self._files = KeptOpen()

    def cut(self, video: str, start: float, end: float, *, context: float = 0.0) -> WavClip:
        """A span in seconds, and so much around it, as `Recordings.hearable` allows.

        Speech that was erased is silent in it. Raises `UnknownVideo`, `NotHearable`, `AudioError`,
        and `ValueError` for a span that is none or too long.
        """
        heard = self._store.recordings.hearable(video, start, end, context=context)
        key = (heard.audio.sha256, heard.span, heard.silent)
        wav = self._cache.get(key, lambda: self._cut(video, heard))
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        return WavClip(video, heard.span.start_s, heard.span.end_s, wav, digest)

    def _cut(self, video: str, heard: Hearable) -> bytes:
        audio = heard.audio
        try:
            with self._files.same_recording(video, audio.source, audio.sha256) as recording:
                rate = min(recording.info.sample_rate, HIGHEST_RATE)
                ((_, waveform),) = recording.cut([heard.span], rate)
        except AudioNotFound as error:
            raise _missing(video, audio.source) from error
        for silent in heard.silent:
            first, end = (
                round((time - heard.span.start_ms) * rate / 1000) for time in (silent[0], silent[1])
            )
            waveform[first:end] = 0
        return wav_file(waveform, rate)


def prepare() -> None:
    """Import what cuts clips, which takes long. Raises `ExtraMissing`."""
    with needs_extra("extract", ExtraMissing):
        import av
        import soundfile

        _ = av, soundfile


def wav_file(waveform: Waveform, sample_rate: int) -> bytes:
    """A WAV file of 16 bits."""
    with needs_extra("extract"):
        import soundfile
    written = io.BytesIO()
    sound = np.nan_to_num(waveform, nan=0.0, posinf=1.0, neginf=-1.0)
    soundfile.write(written, sound, sample_rate, "PCM_16", format="WAV")
    return written.getvalue()


def _missing(video: str, source: str) -> AudioNotFound:
    return AudioNotFound(
        f"{source} is missing, which {video!r} was filled from: put it back, or set"
        f" {FOLDER_VARIABLE} to the folder where it is now"
    )
