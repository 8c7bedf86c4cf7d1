"""The packets of AAC in mp4, from the sample table that FFmpeg reads when it opens the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pgvoice.hooks.audio.packets import PacketIndex, delay, padding
from pgvoice.hooks.audio.sequential import SequentialDecoder
from pgvoice.hooks.audio.streams import OpenStream

if TYPE_CHECKING:
    from av import AudioStream, Packet

#: One packet for the overlap (measured: identical from one on), more for SBR and parametric
#: stereo.
_LEAD_IN = 4


def mp4_index(opened: SequentialDecoder) -> PacketIndex | None:
    """None if the table does not list everything (fragments) or is uneven (edit lists)."""
    stream, first = opened.opened.stream, opened.first_packet
    if stream.codec_context.codec.name != "aac" or not _is_even(stream, first):
        return None
    opened.at_start = False
    last = _last_packet(opened.opened)
    if first is None or last is None or last.pts is None or opened.first_pts is None:
        return None
    ticks = last.pts + (last.duration or 0) - opened.first_pts
    unheard = padding(last) if last.duration == first.duration else 0
    return PacketIndex(
        read=lambda number: _read(opened.opened, number),
        packets=len(stream.index_entries),
        frame_samples=stream.codec_context.frame_size,
        delay=delay(first),
        samples=max(0, _samples(ticks, stream) - unheard),
        lead_in=_LEAD_IN,
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


def _last_packet(opened: OpenStream) -> Packet[AudioStream] | None:
    """None if more packets follow than the table lists, or if nothing can be read there."""
    import av

    try:
        tail = list(_read(opened, len(opened.stream.index_entries) - 1))
    except av.FFmpegError:
        return None
    return tail[0] if len(tail) == 1 else None


def _read(opened: OpenStream, number: int) -> Iterator[Packet[AudioStream]]:
    timestamp = opened.stream.index_entries[number].timestamp
    opened.container.seek(timestamp, stream=opened.stream)
    for packet in opened.container.demux(opened.stream):
        if packet.size:
            yield packet
