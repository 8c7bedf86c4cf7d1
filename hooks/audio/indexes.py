"""Which packets a stream has, where that is known without reading them one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import AudioStream, Packet


@dataclass(frozen=True, slots=True)
class PacketIndex:
    """Packets numbered from 0, each of `frame_samples` samples."""

    #: Packets from a number on, to the last.
    read: Callable[[int], Iterator[Packet[AudioStream]]]
    packets: int
    frame_samples: int
    #: Samples at the beginning that are no audio.
    delay: int
    #: Of audio, per channel. Where the container does not say what is padding, a few more decode.
    samples: int
    #: Packets that a decoder hears before one, for that one to come out right.
    lead_in: int
    #: Whether the packets do not tell the decoder of delay and padding.
    bare: bool
