"""``heard_clips``: cuts what to listen to of a voice from its recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pgvoice.hooks.audio.same_file import same_recording
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioError, AudioNotFound, NothingToHear
from pgvoice.hooks.fill.embedding_pass import SILENCE_RMS
from pgvoice.hooks.listening.cutting import wav_file
from pgvoice.hooks.new_files import write_file
from pgvoice.store.voice_store import VoiceStore
from pgvoice.store.voices.unknown import Clip


@dataclass(frozen=True, slots=True, eq=False)
class HeardClip:
    """A clip with its sound: mono, at the rate of its file."""

    clip: Clip
    sample_rate: int
    waveform: Waveform

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear, by the measure of fills."""
        power = np.square(self.waveform, dtype=np.float64)
        return not (power.size and float(np.sqrt(power.mean())) > SILENCE_RMS)


def heard_clips(
    store: VoiceStore, clips: Iterable[Clip], audio: str | Path | None = None
) -> Iterator[HeardClip]:
    """The clips that can be heard, each cut when it is asked for.

    They are cut from `audio`, or else from where their recordings were filled from, and only if
    that is the same file. Raises the first `AudioError` if no clip can be heard.
    """
    first: AudioError | None = None
    found = False
    for clip in clips:
        try:
            heard = cut_clip(store, clip, audio)
        except AudioError as error:
            first = first or error
            continue
        found = True
        yield heard
    if not found:
        raise first or NothingToHear("no recording has clean speech of this voice to listen to")


def cut_clip(store: VoiceStore, clip: Clip, audio: str | Path | None = None) -> HeardClip:
    """A clip with its sound. Raises `AudioError`, for a silent one `NothingToHear`."""
    span = (round(clip.start * 1000), round(clip.end * 1000))
    stored = store.recordings.audio(clip.video)
    sha256 = stored.sha256 if stored else None
    try:
        with same_recording(clip.video, clip.source, sha256, audio) as recording:
            rate = recording.info.sample_rate
            ((_, waveform),) = recording.cut([span], rate)
    except AudioNotFound as error:
        if audio is not None or clip.source is None:
            raise
        raise AudioNotFound(
            f"{clip.source} is missing, which {clip.video!r} was filled from: say where it is now"
            " (--audio FILE), or choose another recording (--video)"
        ) from error
    heard = HeardClip(clip, rate, waveform)
    if heard.is_silent:
        raise NothingToHear(f"{clip.video!r} is silent from {clip.start:g} to {clip.end:g} s")
    return heard


def save_clip(heard: HeardClip, path: Path, *, overwrite: bool = False) -> None:
    """Write a clip as a WAV file of 16 bits. Raises `FileExistsError` unless `overwrite`."""
    write_file(path, wav_file(heard.waveform, heard.sample_rate), overwrite=overwrite)


@contextmanager
def as_file(heard: HeardClip) -> Iterator[Path]:
    """A clip in a file that only this user can read, until the end."""
    with TemporaryDirectory(prefix="pgvoice-") as folder:
        path = Path(folder) / "clip.wav"
        save_clip(heard, path)
        yield path
