"""``open_recording``: an audio file, opened and checked once, with its waveforms."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pgvoice.hooks.audio import exact
from pgvoice.hooks.audio.blocks import BlockDecoder
from pgvoice.hooks.audio.completeness import check_complete
from pgvoice.hooks.audio.decoder import Decoder, Range
from pgvoice.hooks.audio.packet_indexes import mp3_index, mp4_index
from pgvoice.hooks.audio.sequential import SequentialDecoder
from pgvoice.hooks.audio.spans import Span, finished, span_at, stop_of, union
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioNotFound, AudioUnreadable

#: Hz. Telephones use 8,000 and measuring devices up to 1,536,000. A header with any other rate is
#: wrong, and resampling from it could take forever.
MIN_RATE, MAX_RATE = 1_000, 3_072_000
#: More than any file has.
MOST_SAMPLES = 1 << 62


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
    container = opened.container.format.name
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


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """A file's identity and its shape."""

    #: Of the file's bytes, in hexadecimal.
    sha256: str
    #: Lossy formats may decode to a few milliseconds more, the encoder's padding.
    duration_ms: int
    #: The file's own, in Hz.
    sample_rate: int
    channels: int


class OpenRecording:
    """An open audio file that is complete as far as its headers can tell."""

    def __init__(self, path: Path, decoder: Decoder, stamp: Stamp | None) -> None:
        self._decoder, self._stamp = decoder, stamp
        rate, samples = decoder.sample_rate, decoder.count_samples()
        duration_ms = (samples * 1000 + rate // 2) // rate
        self.path = path
        self.info = AudioInfo(_sha256(path), duration_ms, rate, decoder.channels)
        #: How often the audio was decoded, or a part of it.
        self.passes = 0

    def cut(
        self, spans_ms: Sequence[tuple[int, int]], sample_rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        """(index into `spans_ms`, mono waveform at `sample_rate`), in the order of the spans' ends.

        A waveform is yielded as soon as its end has been decoded. It is a pure function of the
        file's bytes, its span and `sample_rate`: it is cut at the file's own rate and resampled
        alone. It has round((end - start) * sample_rate / 1000) samples, or fewer if the audio ends
        earlier; resampling may trim the last one or two or fill them with zeros. Samples that are
        not finite stay so; if such a span is resampled, all of it is NaN.

        Raises `ValueError` for a span that ends before it starts or starts before zero,
        `AudioUnreadable` for damage within the spans, and `AudioNotFound` or `AudioUnreadable` if
        the file was deleted or changed after it was opened.
        """
        self.check_unchanged()
        rate = self.info.sample_rate
        spans = [span_at(index, span, rate) for index, span in enumerate(spans_ms)]
        self.passes += bool(spans)
        for span in _heard(self._decoder, spans):
            yield span.index, finished(span, rate, sample_rate)

    def blocks(self) -> Iterator[tuple[int, Waveform]]:
        """(position, mono samples) of all of the audio, at the file's own rate.

        Raises `AudioUnreadable` for damage.
        """
        self.passes += 1
        return self._decoder.blocks([Range(0, MOST_SAMPLES)])

    @property
    def is_unchanged(self) -> bool:
        """Whether the file was neither replaced nor written to since it was opened."""
        return stamp_of(self.path) == self._stamp

    def check_unchanged(self) -> None:
        """Raise `AudioError` if the file was deleted, or has other content than when it was opened.

        If it was written to, all of it is hashed again.
        """
        if self.is_unchanged:
            return
        check_file(self.path)
        if _sha256(self.path) != self.info.sha256:
            raise AudioUnreadable(f"{self.path} changed while it was in use; run it again")


@contextmanager
def open_recording(path: str | Path) -> Iterator[OpenRecording]:
    """Open a file, check that all of it is there, hash it and measure its length.

    Damage in the middle is only found by `OpenRecording.cut`, if it lies within a span. An mp3
    whose header does not count its frames cannot be told from a shorter one. Raises
    `AudioNotFound`, `AudioUnreadable` and `AudioTruncated`.
    """
    path = Path(path)
    stamp = stamp_of(path)
    with open_decoder(path) as decoder:
        yield OpenRecording(path, decoder, stamp)


#: Device, inode, size and time of the last change.
Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """What changes if the file is replaced or written to; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _heard(decoder: Decoder, spans: Sequence[Span]) -> Iterator[Span]:
    """Every span, as soon as its last sample is decoded or the audio has ended."""
    waiting = deque(sorted(spans, key=lambda span: span.samples))
    hearing: list[Span] = []
    for position, block in decoder.blocks(union(waiting)):
        end = position + len(block)
        while waiting and waiting[0].samples.start < end:
            hearing.append(waiting.popleft())
        for span in hearing:
            span.hear(position, block)
        if any(span.samples.stop <= end for span in hearing):
            yield from sorted((s for s in hearing if s.samples.stop <= end), key=stop_of)
            hearing = [span for span in hearing if span.samples.stop > end]
    yield from sorted(hearing, key=stop_of)
    yield from waiting
