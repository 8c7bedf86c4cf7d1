"""The packets of a stream, if they are known without reading them one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
