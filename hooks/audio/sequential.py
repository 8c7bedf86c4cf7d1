"""Decoding through FFmpeg (PyAV), from the first packet on, for everything libsndfile is not for.

There is no seeking: in mp3 and AAC a frame needs the ones before it, and timestamps do not say
which sample it starts with. Damage that the decoder meets is raised; damage that FFmpeg passes over
when it looks for the next frame of an mp3, AAC or Ogg stream is not seen, and the audio is shorter
by it, as it is for everything else that reads the file through FFmpeg.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.audio.completeness import promised_mp3_frames
from pgvoice.hooks.audio.packets import PacketCount
from pgvoice.hooks.encoder import Waveform
from pgvoice.hooks.errors import AudioTruncated, AudioUnreadable
from pgvoice.hooks.extras import needs_extra

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

    from pgvoice.hooks.audio.decoders import Range

#: FFmpeg's names of the demuxers that may run. Playlists, image sequences and scripts, which it
#: also takes for media and which reach for other files, are none of them.
_DEMUXERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp2,mp3,mpc,mpc8,mpeg,mpegts,ogg,rm,tta,voc,w64,wav,wv"
)
#: FFmpeg's sample types that are whole numbers, up to 2 to this power.
_INTEGER_BITS = {"u8": 7, "s16": 15, "s32": 31}
_BLOCK_SAMPLES = 32_768
#: A last packet may be incomplete and fail; more than one is damage.
_FORGIVEN_AT_END = 1
#: Where mp3 files were joined, tags stand before the first frame of the second; FFmpeg loses it.
_TAGS = (b"ID3", b"TAG", b"APETAGEX")
#: Some mp3 encoders count the frame that holds the count, which is none of the audio's.
_UNCOUNTED = 1


class SequentialDecoder:
    """The best audio stream of a file, decoded from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container = _open(path)
        try:
            self._stream = self._best_stream()
            self._count = PacketCount(self._stream.time_base)
            self._decoded = 0
            first, self._frames = self._peek()
        except BaseException:
            self._container.close()
            raise
        self._first_pts = first.pts
        self.sample_rate = first.sample_rate
        self.channels = first.layout.nb_channels

    def count_samples(self) -> int:
        """From the packets' own durations."""
        for packet in self._packets():
            self._count.add(packet)
        self._check_count()
        return self._count.samples(self.sample_rate, self._first_pts)

    def blocks(self, wanted: Sequence[Range]) -> Iterator[tuple[int, Waveform]]:
        """What is not wanted is decoded too, because the next frames need it."""
        ahead = deque(wanted)
        position = 0
        for frame in self._joined():
            end = position + frame.samples
            while ahead and ahead[0].stop <= position:
                ahead.popleft()
            if not ahead:
                return
            if ahead[0].start < end:
                yield position, _mono(frame)
            position = end

    def close(self) -> None:
        self._container.close()

    def _best_stream(self) -> AudioStream:
        import av

        stream = self._container.streams.best("audio")
        if not isinstance(stream, av.AudioStream) or stream.codec_context is None:
            raise AudioUnreadable(
                f"{self._path} holds no audio that FFmpeg can decode; give a file with sound"
            )
        stream.codec_context.thread_type = "AUTO"
        with suppress(AttributeError):  # PyAV of before this setting reads the video and drops it
            for other in self._container.streams:
                if other.index != stream.index:
                    other.discard = av.stream.Discard.all
        return stream

    def _peek(self) -> tuple[AudioFrame, Iterator[AudioFrame]]:
        """The first frame, which knows the rate better than the header does, and all frames."""
        frames = self._decode()
        first = next(frames, None)
        if first is None:
            raise AudioUnreadable(f"{self._path} holds no audio samples; download it again")
        return first, chain([first], frames)

    def _joined(self) -> Iterator[AudioFrame]:
        """The frames' samples in fewer, longer frames, of which Python handles a hundredth."""
        from av.audio.fifo import AudioFifo

        shape, joined = None, AudioFifo()
        for frame in self._frames:
            self._check_rate(frame)
            if shape != (frame.format.name, frame.layout.nb_channels):  # the FIFO does not check
                if rest := joined.read():
                    yield rest
                shape, joined = (frame.format.name, frame.layout.nb_channels), AudioFifo()
            frame.pts = None  # time is counted in samples
            joined.write(frame)
            if joined.samples >= _BLOCK_SAMPLES and (block := joined.read()):
                yield block
        if rest := joined.read():
            yield rest

    def _decode(self) -> Iterator[AudioFrame]:
        import av

        failed: list[av.FFmpegError] = []
        for packet in self._packets():
            if not self._decoded:
                self._count.add(packet)
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

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        import av

        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> AudioUnreadable:
        seconds = self._decoded / (self._stream.codec_context.sample_rate or 1)
        return AudioUnreadable(
            f"{self._path} cannot be decoded at {seconds:.1f} s ({error}); download it again or "
            "convert it to FLAC"
        )

    def _check_rate(self, frame: AudioFrame) -> None:
        if frame.sample_rate != self.sample_rate:
            raise AudioUnreadable(
                f"{self._path} changes from {self.sample_rate} to {frame.sample_rate} Hz at "
                f"{self._decoded / self.sample_rate:.1f} s; convert it to one sample rate"
            )

    def _check_count(self) -> None:
        """Of mp3, the one container that `check_complete` leaves to its packets."""
        promised = promised_mp3_frames(self._path) if self._container.format.name == "mp3" else None
        if promised and self._count.packets < promised - _UNCOUNTED:
            raise AudioTruncated(
                f"{self._path} holds {self._count.packets:,} of the {promised:,} frames that its "
                "header promises; download it again"
            )


def _open(path: Path) -> InputContainer:
    with needs_extra("extract"):
        import av
    options = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path}", options=options)
    except av.FFmpegError as error:
        raise AudioUnreadable(
            f"{path} is not an audio or video file that FFmpeg can read ({error.strerror}); "
            "download it again or convert it to FLAC"
        ) from error


def _mono(frame: AudioFrame) -> Waveform:
    """Mean of the channels, added in order."""
    channels = _channels(frame)
    total = channels[0].astype(np.float32)
    for channel in channels[1:]:
        total += channel.astype(np.float32, copy=False)
    bits = _INTEGER_BITS.get(frame.format.packed.name, 0)
    if frame.format.packed.name == "u8":
        total -= np.float32(128 * len(channels))
    return total / np.float32(len(channels) * 2**bits)


def _channels(frame: AudioFrame) -> Sequence[NDArray[np.generic]]:
    """An array ``(samples,)`` per channel."""
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        return list(samples)
    return list(samples.reshape(frame.samples, -1).T)
