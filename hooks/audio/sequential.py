"""Decoding through FFmpeg (PyAV) from the first packet on, for files that no other decoder reads.

There is no seeking: a frame needs the ones before it, and timestamps do not say with which sample
it starts. Damage that the decoder meets is raised. FFmpeg skips damage while it looks for the next
frame of an mp3, AAC or Ogg stream; that damage goes unnoticed and makes the audio shorter, as it
does for every other program that reads the file through FFmpeg.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pgvoice.hooks.audio.completeness import promised_mp3_frames
from pgvoice.hooks.audio.decoder import Range
from pgvoice.hooks.audio.frames import joined, mono
from pgvoice.hooks.audio.packets import PacketCount
from pgvoice.hooks.audio.streams import damaged, open_stream, rate_changed
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioTruncated, AudioUnreadable

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet

#: The last packet may be incomplete and fail; more than one failure is damage.
_FORGIVEN_AT_END = 1
#: If mp3 files were joined, tags precede the first frame of the second file; FFmpeg loses it.
_TAGS = (b"ID3", b"TAG", b"APETAGEX")
#: Some mp3 encoders also count the frame that contains the count, which is not audio.
_UNCOUNTED = 1


class SequentialDecoder:
    """The best audio stream of a file, decoded from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        self.opened = open_stream(self._path)
        #: Whether the container is where opening it left it.
        self.at_start = True
        #: The first packet with data; known once a frame is decoded.
        self.first_packet: Packet[AudioStream] | None = None
        self._count = PacketCount(self.opened.stream.time_base)
        self._decoded = 0
        try:
            first, self._frames = self._peek()
        except BaseException:
            self.close()
            raise
        self.first_pts = first.pts
        self.sample_rate = first.sample_rate
        self.channels = first.layout.nb_channels

    def _start_over(self) -> None:
        """Return to the start, by reopening the file: no seek leads back to exactly there."""
        if not self.at_start:
            self.close()
            self._open()
        self.at_start = False

    def count_samples(self) -> int:
        """Samples per channel, by the packets' own durations."""
        self._start_over()
        for packet in self._packets():
            self._count.add(packet)
        self._check_count()
        return self._count.samples(self.sample_rate, self.first_pts)

    def blocks(self, wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
        """Also decodes what is not wanted, because later frames need it."""
        self._start_over()
        ahead = deque(wanted)
        position = 0
        for frame in joined(self._checked()):
            end = position + frame.samples
            while ahead and ahead[0].stop <= position:
                ahead.popleft()
            if not ahead:
                return
            if ahead[0].start < end:
                yield position, mono(frame)
            position = end

    def close(self) -> None:
        self.opened.container.close()

    def _peek(self) -> tuple[AudioFrame, Iterator[AudioFrame]]:
        """The first frame, which knows the rate better than the header does, and all frames."""
        frames = self._decode()
        first = next(frames, None)
        if first is None:
            raise AudioUnreadable(f"{self._path} contains no audio samples; download it again")
        return first, chain([first], frames)

    def _decode(self) -> Iterator[AudioFrame]:
        import av

        failed: list[av.FFmpegError] = []
        for packet in self._packets():
            if not self._decoded:
                self._count.add(packet)
                self.first_packet = self.first_packet or packet
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                if not bytes(packet).startswith(_TAGS):
                    failed.append(error)
                continue
            if frames and failed:
                raise self._damaged(failed[0])
            for frame in frames:
                self._decoded += frame.samples
                yield frame
        if len(failed) > _FORGIVEN_AT_END:
            raise self._damaged(failed[0])

    def _checked(self) -> Iterator[AudioFrame]:
        for frame in self._frames:
            if frame.sample_rate != self.sample_rate:
                seconds = self._decoded / self.sample_rate
                raise rate_changed(self._path, seconds, self.sample_rate, frame.sample_rate)
            yield frame

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        import av

        try:
            yield from self.opened.container.demux(self.opened.stream)
        except av.FFmpegError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> AudioUnreadable:
        rate = self.opened.stream.codec_context.sample_rate or 1
        return damaged(self._path, self._decoded / rate, error)

    def _check_count(self) -> None:
        """Of mp3, the only container that `check_complete` cannot judge."""
        promised = (
            promised_mp3_frames(self._path) if self.opened.container.format.name == "mp3" else None
        )
        if promised and self._count.packets < promised - _UNCOUNTED:
            raise AudioTruncated(
                f"{self._path} contains {self._count.packets:,} of the {promised:,} frames that its"
                " header promises; download it again"
            )
