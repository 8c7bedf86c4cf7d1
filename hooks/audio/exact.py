"""Decoding through libsndfile, for formats in which its seeks are exact to the sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.audio.decoder import Range
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioTruncated, AudioUnreadable, needs_extra

#: First bytes of the files to try; libsndfile also opens mp3 and ogg, but does not seek exactly.
_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"caff", b"fLaC", b".snd")
_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "FLAC", "AU"}
#: Every sample, or in FLAC every frame, is independent; unlike in ADPCM, GSM and MPEG within WAV.
_SUBTYPES = {
    *("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
}
#: libsndfile reports more than this for a FLAC file whose header leaves the length open.
_MAX_FRAMES = 2**62
_BLOCK_FRAMES = 65_536


def open_exact(path: Path) -> ExactDecoder | None:
    """None if the file needs another decoder."""
    with path.open("rb") as file:
        if file.read(4) not in _MAGIC:
            return None
    with needs_extra("extract"):
        import soundfile
    try:
        opened = soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, TypeError):  # TypeError: a file named .raw
        return None
    known = opened.format in _FORMATS and opened.subtype in _SUBTYPES
    if known and opened.seekable() and 0 < opened.frames < _MAX_FRAMES:
        return ExactDecoder(path, opened)
    opened.close()
    return None


class ExactDecoder:
    """Reads only what is wanted and seeks past the rest."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._file = file
        self.sample_rate: int = file.samplerate
        self.channels: int = file.channels
        self._check_end()

    def count_samples(self) -> int:
        frames: int = self._file.frames
        return frames

    def blocks(self, wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
        for start, stop in wanted:
            last = min(stop, self._file.frames)
            for position in range(start, last, _BLOCK_FRAMES):
                samples = self._read(position, min(_BLOCK_FRAMES, last - position))
                yield position, _mono(samples)

    def _read(self, position: int, frames: int) -> NDArray[np.float32]:
        import soundfile

        try:
            return self._read_all(position, frames)
        except soundfile.LibsndfileError as error:
            raise AudioUnreadable(
                f"{self._path} cannot be decoded at {position / self.sample_rate:.1f} s "
                f"({error.error_string}); download it again"
            ) from error

    def _check_end(self) -> None:
        """Raises `AudioTruncated` if the last sample cannot be read."""
        import soundfile

        with suppress(soundfile.LibsndfileError):
            if len(self._read_all(self._file.frames - 1, 1)):
                return
        self.close()
        raise AudioTruncated(
            f"{self._path} ends before the {self._file.frames / self.sample_rate:.1f} s that its "
            "header promises; download it again"
        )

    def _read_all(self, position: int, frames: int) -> NDArray[np.float32]:
        """Shape ``(samples, channels)``."""
        if self._file.tell() != position:
            self._file.seek(position)
        samples: NDArray[np.float32] = self._file.read(frames, "float32", always_2d=True)
        return samples

    def close(self) -> None:
        self._file.close()


def _mono(samples: NDArray[np.float32]) -> Waveform:
    """Mean of the channels of ``(samples, channels)``, added in order.

    The order in which `numpy.mean` adds depends on the shape, which would change the last bit.
    """
    total = samples[:, 0].copy()
    for channel in range(1, samples.shape[1]):
        total += samples[:, channel]
    return total / np.float32(samples.shape[1])
