"""``open_recording``: an audio file, opened and checked once, with its waveforms."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pgvoice.hooks.audio import exact
from pgvoice.hooks.audio.blocks import BlockDecoder
from pgvoice.hooks.audio.completeness import check_complete
from pgvoice.hooks.audio.decoder import Decoder, Range
from pgvoice.hooks.audio.packet_indexes import mp3_index, mp4_index
from pgvoice.hooks.audio.sequential import SequentialDecoder
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioNotFound, AudioUnreadable, needs_extra

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

    def __init__(self, path: Path, decoder: Decoder, stamp: _Stamp | None) -> None:
        self._decoder, self._stamp = decoder, stamp
        rate, samples = decoder.sample_rate, decoder.count_samples()
        duration_ms = (samples * 1000 + rate // 2) // rate
        self.path = path
        self.info = AudioInfo(_sha256(path), duration_ms, rate, decoder.channels)

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
        self._check_unchanged()
        for start_ms, end_ms in spans_ms:
            if not 0 <= start_ms <= end_ms:
                raise ValueError(
                    f"({start_ms}, {end_ms}) is not a span: 0 <= start <= end is required, in ms"
                )
        rate = self.info.sample_rate
        spans = [_span(index, span, rate) for index, span in enumerate(spans_ms)]
        for span in _heard(self._decoder, spans):
            yield span.index, _finish(span, rate, sample_rate)

    @property
    def is_unchanged(self) -> bool:
        """Whether the file was neither replaced nor written to since it was opened."""
        return _stamp(self.path) == self._stamp

    def _check_unchanged(self) -> None:
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
    stamp = _stamp(path)
    with open_decoder(path) as decoder:
        yield OpenRecording(path, decoder, stamp)


#: Device, inode, size and time of the last change.
_Stamp = tuple[int, int, int, int]


def _stamp(path: Path) -> _Stamp | None:
    """What changes if the file is replaced or written to; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(slots=True)
class _Span:
    """A span and the part of it that has been decoded, in samples at the file's own rate."""

    index: int
    duration_ms: int
    samples: Range
    pieces: list[Waveform] = field(default_factory=list)

    def hear(self, position: int, block: Waveform) -> None:
        first, end = (max(0, sample - position) for sample in self.samples)
        self.pieces.append(block[first:end])

    def take(self) -> Waveform:
        """What was decoded; the span lets go of it, so that memory only keeps unfinished spans."""
        pieces, self.pieces = self.pieces, []
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)


def _span(index: int, span_ms: tuple[int, int], rate: int) -> _Span:
    start_ms, end_ms = span_ms
    start = _samples(start_ms, rate)
    duration_ms = end_ms - start_ms
    return _Span(index, duration_ms, Range(start, start + _samples(duration_ms, rate)))


def _samples(ms: int, rate: int) -> int:
    """Rounded half up, in integer arithmetic."""
    return (ms * rate + 500) // 1000


def _heard(decoder: Decoder, spans: Sequence[_Span]) -> Iterator[_Span]:
    """Every span, as soon as its last sample is decoded or the audio has ended."""
    waiting = deque(sorted(spans, key=lambda span: span.samples))
    hearing: list[_Span] = []
    for position, block in decoder.blocks(_union(waiting)):
        end = position + len(block)
        while waiting and waiting[0].samples.start < end:
            hearing.append(waiting.popleft())
        for span in hearing:
            span.hear(position, block)
        if any(span.samples.stop <= end for span in hearing):
            yield from sorted((s for s in hearing if s.samples.stop <= end), key=_stop)
            hearing = [span for span in hearing if span.samples.stop > end]
    yield from sorted(hearing, key=_stop)
    yield from waiting


def _stop(span: _Span) -> int:
    return span.samples.stop


def _union(spans: Iterable[_Span]) -> list[Range]:
    """The samples of spans sorted by start, ascending and disjoint; empty spans add nothing."""
    ranges: list[Range] = []
    for start, stop in (span.samples for span in spans):
        if ranges and start <= ranges[-1].stop:
            ranges[-1] = Range(ranges[-1].start, max(stop, ranges[-1].stop))
        elif start < stop:
            ranges.append(Range(start, stop))
    return ranges


def _finish(span: _Span, rate: int, sample_rate: int) -> Waveform:
    """The span's waveform at `sample_rate`, with the length that it should have."""
    samples = span.take()
    length = _samples(span.duration_ms, sample_rate)
    if len(samples) < span.samples.stop - span.samples.start:
        length = min(length, (len(samples) * sample_rate + rate // 2) // rate)
    resampled = samples if rate == sample_rate else _resample(samples, rate, sample_rate)
    missing = max(0, length - len(resampled))
    return np.pad(resampled, (0, missing))[:length] if missing else resampled[:length]


def _resample(samples: Waveform, rate: int, sample_rate: int) -> Waveform:
    """By soxr at 20-bit quality. A sample that is not finite would spread unpredictably."""
    if not len(samples):
        return samples
    if not np.isfinite(samples).all():
        return np.full(-(-len(samples) * sample_rate // rate), np.nan, np.float32)
    with needs_extra("extract"):
        import librosa

        resampled: Waveform = librosa.resample(
            samples, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq"
        )
    return resampled
