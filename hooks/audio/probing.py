"""``probe``: what an audio file is, and whether all of it is there, without decoding it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pgvoice.hooks.audio.decoders import open_decoder


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """A file's identity and its shape."""

    #: Of the file's bytes, in hexadecimal.
    sha256: str
    duration_ms: int
    #: The file's own, in Hz.
    sample_rate: int
    channels: int


def probe(path: str | Path) -> AudioInfo:
    """Raises `AudioNotFound`, `AudioUnreadable` and `AudioTruncated`.

    Damage in the middle is found by `cut`, where it is wanted. An mp3 whose header does not count
    its frames cannot be told from a shorter one. Lossy formats may decode to a few milliseconds
    more than `duration_ms`, the encoder's padding.
    """
    path = Path(path)
    with open_decoder(path) as decoder:
        samples = decoder.count_samples()
        rate, channels = decoder.sample_rate, decoder.channels
    return AudioInfo(_sha256(path), (samples * 1000 + rate // 2) // rate, rate, channels)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
