"""The packets of a stream: their number, and the samples that they decode to."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import AudioStream, Packet


@dataclass(frozen=True, slots=True)
class PacketIndex:
    """Packets numbered from 0, each of `frame_samples` samples."""

    #: Yields the packets from a number to the last.
    read: Callable[[int], Iterator[Packet[AudioStream]]]
    packets: int
    frame_samples: int
    #: Samples at the beginning that are not audio.
    delay: int
    #: Of audio, per channel. If the container does not mark the padding, a few more are decoded.
    samples: int
    #: Packets that a decoder needs before a packet, to decode that one correctly.
    lead_in: int
    #: Whether the packets carry no marks of delay and padding for the decoder.
    bare: bool


class PacketCount:
    """Counts the packets of one stream, and their samples from the container's data."""

    def __init__(self, time_base: Fraction | None) -> None:
        self.packets = 0
        self._time_base = Fraction(time_base or 1)
        self._first_pts: int | None = None
        self._end_pts = 0
        self._durations = 0
        self._last_duration = 0
        self._padding_samples = 0

    def add(self, packet: Packet[AudioStream]) -> None:
        """Count a packet; the empty one that ends a stream is ignored."""
        if not packet.size:
            return
        self.packets += 1
        duration = packet.duration or 0
        if packet.pts is not None:
            self._first_pts = packet.pts if self._first_pts is None else self._first_pts
            self._end_pts = packet.pts + duration
        self._durations += duration
        # Some demuxers have already subtracted the padding from the last packet's duration.
        if duration >= self._last_duration:
            self._padding_samples += skipped(packet)[1]
        self._last_duration = duration

    def samples(self, sample_rate: int, first_frame_pts: int | None) -> int:
        """Exact if the container's tick divides a sample, else accurate to about a tick.

        What lies before the first frame's timestamp is encoder delay.
        """
        ticks = self._durations
        if self._first_pts is not None:
            if (1 / self._time_base) % sample_rate:
                ticks = self._end_pts - self._first_pts
            if first_frame_pts is not None:
                ticks -= first_frame_pts - self._first_pts
        return max(0, round(ticks * self._time_base * sample_rate) - self._padding_samples)


def skipped(packet: Packet[AudioStream]) -> tuple[int, int]:
    """Samples from its beginning on, and at its end, that are not audio: the delay, the padding.

    In FFmpeg `AV_PKT_DATA_SKIP_SAMPLES`; the delay may extend to the following packets.
    """
    if not packet.has_sidedata("skip_samples"):
        return 0, 0
    start, end = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return start, end
