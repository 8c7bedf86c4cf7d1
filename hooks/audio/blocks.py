"""Decoding in blocks of packets, each by a fresh decoder, so that blocks are independent.

A lossy decoder carries state from packet to packet: mp3 its bit reservoir, AAC its overlap and the
random numbers of its noise substitution. After a seek these never match those of a decoder that
came from the start (FFmpeg's AAC at 32 kbit/s: nearly every packet differs). The samples of a span
must not depend on what else is decoded, so every decode, also of the whole file, starts a fresh
decoder at the same packets. The few packets before a block are decoded first and dropped. Then mp3
and AAC without noise substitution give the same bits as an undivided decode, and substituted noise
is different noise of the same strength.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pgvoice.hooks.audio.decoder import Range
from pgvoice.hooks.audio.frames import joined, mono
from pgvoice.hooks.audio.packets import PacketIndex
from pgvoice.hooks.audio.sequential import SequentialDecoder, damaged, rate_changed
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioUnreadable

if TYPE_CHECKING:
    from av import AudioCodecContext, AudioFrame, AudioStream, Packet

#: Packets per block: 24 s of AAC and 27 s of mp3 at 44.1 kHz, which decode in 15 to 25 ms. A block
#: costs its lead-in (0.4 % of that in AAC, 3 % in mp3) and 0.3 ms to seek and to make a decoder; a
#: span costs half a block more than itself (`tests/benchmarks/decoding.py` measures both). A gap is
#: skipped if it contains a whole block. Changing this number changes the samples of AAC with
#: substituted noise.
BLOCK_PACKETS = 1024


class BlockDecoder:
    """Decodes the blocks that contain wanted samples, each up to the last of them."""

    def __init__(self, path: Path, opened: SequentialDecoder, index: PacketIndex) -> None:
        self.sample_rate = opened.sample_rate
        self.channels = opened.channels
        self.close = opened.close
        self._path = path
        self._template = opened.stream.codec_context
        self._index = index

    def count_samples(self) -> int:
        return self._index.samples

    def blocks(self, wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
        """Also yields what lies between wanted ranges of the same block."""
        for block, (start, stop) in self._needed(wanted).items():
            yield from self._decode(block, start, stop)

    def _needed(self, wanted: Sequence[Range]) -> dict[int, tuple[int, int]]:
        """By block, ascending: the start of the first range in it, and the end of the last."""
        needed: dict[int, tuple[int, int]] = {}
        for start, stop in wanted:
            for block in range(self._block(start), self._block(stop - 1) + 1):
                needed[block] = (needed.get(block, (start, stop))[0], stop)
        return needed

    def _block(self, sample: int) -> int:
        """The block that contains a sample; the last block for samples beyond the end."""
        packet = (sample + self._index.delay) // self._index.frame_samples
        return min(packet, self._index.packets - 1) // BLOCK_PACKETS

    def _decode(self, block: int, start: int, stop: int) -> Iterator[tuple[int, Waveform]]:
        position = self._position(block * BLOCK_PACKETS)
        end = min(stop, self._index.samples) if self._index.bare else stop
        for frame in joined(self._frames(block)):
            if position + frame.samples > start:
                samples = mono(frame)[max(0, -position) : max(0, end - position)]
                yield max(0, position), samples
            position += frame.samples
            if position >= end:
                return

    def _position(self, packet: int) -> int:
        """Of a packet's first sample; negative if the decoder does not drop the delay itself."""
        position = packet * self._index.frame_samples - self._index.delay
        return position if self._index.bare else max(0, position)

    def _frames(self, block: int) -> Iterator[AudioFrame]:
        import av

        context = self._new_context()
        first = block * BLOCK_PACKETS
        start = max(0, first - self._index.lead_in)
        for number, packet in zip(
            range(start, first + BLOCK_PACKETS), self._packets(start), strict=False
        ):
            try:
                frames = context.decode(packet)
            except av.FFmpegError as error:
                if number == self._index.packets - 1:  # the last may be incomplete
                    return
                raise self._damaged(number, error) from error
            if number >= first:
                self._check(number, frames)
                yield from frames

    def _packets(self, start: int) -> Iterator[Packet[AudioStream]]:
        import av

        try:
            yield from self._index.read(start)
        except av.FFmpegError as error:
            raise self._damaged(start, error) from error

    def _check(self, number: int, frames: Sequence[AudioFrame]) -> None:
        """Raise if a packet has another rate or number of samples than it should have."""
        start, end = self._position(number), self._position(number + 1)
        samples = 0
        for frame in frames:
            if frame.sample_rate != self.sample_rate:
                seconds = (start + samples) / self.sample_rate
                raise rate_changed(self._path, seconds, self.sample_rate, frame.sample_rate)
            samples += frame.samples
        if not min(end, self._index.samples) <= start + samples <= end:
            raise self._damaged(number, "a packet contains an unexpected number of samples")

    def _damaged(self, number: int, error: object) -> AudioUnreadable:
        return damaged(self._path, max(0, self._position(number)) / self.sample_rate, error)

    def _new_context(self) -> AudioCodecContext:
        import av

        context = av.CodecContext.create(self._template.codec.name, "r")
        context.extradata = self._template.extradata
        return cast("AudioCodecContext", context)
