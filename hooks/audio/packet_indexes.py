"""Where the packets of a file are, so that decoding can begin at any of them: mp3, AAC in mp4.

The frames of an mp3 are found by walking from header to header. FFmpeg finds the same frames eight
times as slowly, and again before each seek. Only a file that consists of frames of one kind is
indexed; FFmpeg handles files with anything else between them. The packets of AAC in mp4 come from
the sample table that FFmpeg reads when it opens the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from pgvoice.hooks.audio.completeness import mp3_padding, promised_mp3_frames
from pgvoice.hooks.audio.packets import PacketIndex, skipped
from pgvoice.hooks.audio.sequential import SequentialDecoder

if TYPE_CHECKING:
    from av import AudioStream, Packet


#: kbit/s of layer III by index, of MPEG-1 and of MPEG-2 and 2.5 (ISO 11172-3 2.4.2.3, 13818-3).
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
#: The bit reservoir reaches back 511 bytes, in MPEG-2 255: 24 frames at 8 kbit/s (measured:
#: identical from 24 on; from 8 on at 16 kbit/s and more). One more for the overlap.
_MP3_LEAD_IN = 32
#: The offset of every so many-th frame is kept.
_STRIDE = 256
_CHUNK = 1 << 20
_ID3V1_SIZE = 128


def mp3_index(path: Path, opened: SequentialDecoder) -> PacketIndex | None:
    """None unless the file is frame after frame of one kind, as many as its header promises."""
    first = opened.first_packet
    if first is None or first.pos is None:
        return None
    frames = _walk(path, first.pos)
    if frames is None or promised_mp3_frames(path) not in (None, frames.total):
        return None
    delay, _ = skipped(first)
    samples = frames.total * frames.kind.samples - delay - mp3_padding(path)
    return PacketIndex(
        read=frames.read,
        packets=frames.total,
        frame_samples=frames.kind.samples,
        delay=delay,
        samples=max(0, samples),
        lead_in=_MP3_LEAD_IN,
        bare=True,
    )


class _Kind(NamedTuple):
    """The properties that all frames of a file share."""

    #: The header's second byte: MPEG version, layer, checksum.
    version: int
    mono: bool
    samples: int
    #: Bytes of a frame by the header's third byte; 0 if that byte means another sample rate.
    sizes: tuple[int, ...]


class _Frames(NamedTuple):
    path: Path
    kind: _Kind
    total: int
    #: Offsets of every `_STRIDE`th frame, in bytes.
    places: list[int]

    def read(self, number: int) -> Iterator[Packet[AudioStream]]:
        import av

        with self.path.open("rb") as file:
            file.seek(self.places[number // _STRIDE])
            for following in range(number - number % _STRIDE, self.total):
                header = file.read(4)
                frame = header + file.read(self.kind.sizes[header[2]] - 4)
                if following >= number:
                    yield cast("Packet[AudioStream]", av.Packet(frame))


def _kind(header: bytes) -> _Kind | None:
    """None if the header is not of layer III, or leaves the bit rate free."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    mpeg1, rate = header[1] & 0x18 == 0x18, header[2] & 0x0C
    if header[1] & 0x18 == 0x08 or rate == 0x0C:
        return None
    hertz = (44_100, 48_000, 32_000)[rate >> 2] >> (not mpeg1) >> (not header[1] & 0x10)
    rates, scale = (_BITRATES_1, 144_000) if mpeg1 else (_BITRATES_2, 72_000)
    sizes = tuple(
        scale * rates[third >> 4] // hertz + (third >> 1 & 1)
        if third & 0x0C == rate and rates[third >> 4]
        else 0
        for third in range(256)
    )
    return _Kind(header[1], header[3] >> 6 == 3, 1152 if mpeg1 else 576, sizes)


def _walk(path: Path, place: int) -> _Frames | None:
    """The frames from an offset on; None if there is anything else but an ID3v1 tag at the end."""
    end, total, places = path.stat().st_size, 0, list[int]()
    with path.open("rb") as file:
        file.seek(place)
        kind = _kind(file.read(4))
        while kind and place < end:
            file.seek(place)
            chunk = file.read(_CHUNK)
            if chunk.startswith(b"TAG") and end - place == _ID3V1_SIZE:
                break
            starts, length = _chunk_frames(chunk, kind)
            if not starts or place + length > end:
                return None
            places += (place + start for start in starts[-total % _STRIDE :: _STRIDE])
            total += len(starts)
            place += length
    return _Frames(path, kind, total, places) if kind and total else None


def _chunk_frames(chunk: bytes, kind: _Kind) -> tuple[list[int], int]:
    """Offsets of the frames up to the first thing that is not one, and where the last ends."""
    version, mono, _, sizes = kind
    place, last, starts = 0, len(chunk) - 4, list[int]()
    while place <= last and chunk[place] == 0xFF and chunk[place + 1] == version:
        size = sizes[chunk[place + 2]]
        if not size or (chunk[place + 3] >= 0xC0) != mono:
            break
        starts.append(place)
        place += size
    return starts, place


#: One packet for the overlap (measured: identical from one on), more for SBR and parametric
#: stereo.
_AAC_LEAD_IN = 4


def mp4_index(opened: SequentialDecoder) -> PacketIndex | None:
    """None if the table does not list everything (fragments) or is uneven (edit lists)."""
    stream, first = opened.stream, opened.first_packet
    if stream.codec_context.codec.name != "aac" or not _is_even(stream, first):
        return None
    opened.at_start = False
    last = _last_packet(opened)
    if first is None or last is None or last.pts is None or opened.first_pts is None:
        return None
    ticks = last.pts + (last.duration or 0) - opened.first_pts
    unheard = skipped(last)[1] if last.duration == first.duration else 0
    return PacketIndex(
        read=lambda number: _read(opened, number),
        packets=len(stream.index_entries),
        frame_samples=stream.codec_context.frame_size,
        delay=skipped(first)[0],
        samples=max(0, _samples(ticks, stream) - unheard),
        lead_in=_AAC_LEAD_IN,
        bare=False,
    )


def _is_even(stream: AudioStream, first: Packet[AudioStream] | None) -> bool:
    """Whether the table lists every packet, and each lasts as long as a frame."""
    entries = stream.index_entries
    if first is None or not first.duration or not 0 < len(entries) == stream.frames:
        return False
    spanned = entries[len(entries) - 1].timestamp - entries[0].timestamp
    return (
        (1 / (stream.time_base or 1)) % stream.codec_context.sample_rate == 0
        and _samples(first.duration, stream) == stream.codec_context.frame_size
        and entries[0].timestamp == first.pts
        and spanned == (len(entries) - 1) * first.duration
    )


def _samples(ticks: int, stream: AudioStream) -> int:
    return round(ticks * (stream.time_base or 1) * stream.codec_context.sample_rate)


def _last_packet(opened: SequentialDecoder) -> Packet[AudioStream] | None:
    """None if more packets follow than the table lists, or if nothing can be read there."""
    import av

    try:
        tail = list(_read(opened, len(opened.stream.index_entries) - 1))
    except av.FFmpegError:
        return None
    return tail[0] if len(tail) == 1 else None


def _read(opened: SequentialDecoder, number: int) -> Iterator[Packet[AudioStream]]:
    timestamp = opened.stream.index_entries[number].timestamp
    opened.container.seek(timestamp, stream=opened.stream)
    for packet in opened.container.demux(opened.stream):
        if packet.size:
            yield packet
