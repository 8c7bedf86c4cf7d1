"""``open_decoder``: the decoder for a file, chosen by its content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pgvoice.hooks.audio import exact
from pgvoice.hooks.audio.blocks import BlockDecoder
from pgvoice.hooks.audio.completeness import check_complete
from pgvoice.hooks.audio.decoder import Decoder
from pgvoice.hooks.audio.mp3_index import mp3_index
from pgvoice.hooks.audio.mp4_index import mp4_index
from pgvoice.hooks.audio.sequential import SequentialDecoder
from pgvoice.hooks.errors import AudioNotFound, AudioUnreadable

#: Hz. Telephones use 8,000 and measuring devices up to 1,536,000. A header with any other rate is
#: wrong, and resampling from it could take forever.
MIN_RATE, MAX_RATE = 1_000, 3_072_000


@contextmanager
def open_decoder(path: Path) -> Iterator[Decoder]:
    """Raises `AudioNotFound`, `AudioUnreadable` and `AudioTruncated`."""
    check_file(path)
    check_complete(path)
    decoder: Decoder = exact.open_exact(path) or _open_ffmpeg(path)
    try:
        if not MIN_RATE <= decoder.sample_rate <= MAX_RATE:
            raise AudioUnreadable(
                f"the header of {path} says {decoder.sample_rate:,} samples per second, which no"
                " recording of speech has; convert it to FLAC"
            )
        yield decoder
    finally:
        decoder.close()


def check_file(path: Path) -> None:
    """Raise `AudioNotFound` or `AudioUnreadable` if there is no file with content to read."""
    if not path.exists():
        raise AudioNotFound(f"{path} does not exist; check the path")
    if not path.is_file():
        raise AudioNotFound(f"{path} is a folder or a device; give the path of an audio file")
    if path.stat().st_size == 0:
        raise AudioUnreadable(f"{path} is empty; download it again")
    try:
        path.open("rb").close()
    except OSError as error:
        raise AudioUnreadable(
            f"{path} cannot be opened ({error.strerror}); check who may read it"
        ) from error


def _open_ffmpeg(path: Path) -> Decoder:
    """A decoder by blocks if the file's packets can be listed, else one from the start."""
    opened = SequentialDecoder(path)
    container = opened.opened.container.format.name
    try:
        index = None
        if container == "mp3":
            index = mp3_index(path, opened)
        elif container.startswith("mov,"):
            index = mp4_index(opened)
    except BaseException:
        opened.close()
        raise
    return BlockDecoder(path, opened, index) if index else opened
