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

#: Hz. Telephones have 8,000, and measuring devices up to 1,536,000: what says otherwise lies, and
#: to resample it may take any time.
MIN_RATE, MAX_RATE = 1_000, 3_072_000


@contextmanager
def open_decoder(path: Path) -> Iterator[Decoder]:
    """Raises `AudioNotFound`, `AudioUnreadable` and `AudioTruncated`."""
    _check_file(path)
    check_complete(path)
    decoder: Decoder = exact.open_exact(path) or _open_ffmpeg(path)
    try:
        if not MIN_RATE <= decoder.sample_rate <= MAX_RATE:
            raise AudioUnreadable(
                f"{path} says that it has {decoder.sample_rate:,} samples a second, and no"
                " recording of speech does; convert it to FLAC"
            )
        yield decoder
    finally:
        decoder.close()


def _open_ffmpeg(path: Path) -> Decoder:
    """In blocks where the packets are known beforehand, which is a matter of the file alone."""
    opened = SequentialDecoder(path)
    container = opened.opened.container.format.name
    if container != "mp3" and not container.startswith("mov,"):
        return opened
    try:
        index = mp3_index(path, opened) if container == "mp3" else mp4_index(opened)
    except BaseException:
        opened.close()
        raise
    if index:
        return BlockDecoder(path, opened, index)
    opened.close()  # it may have moved
    return SequentialDecoder(path)


def _check_file(path: Path) -> None:
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
