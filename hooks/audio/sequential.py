"""Decoding through FFmpeg (PyAV) from the first packet on, for files that no other decoder reads.

There is no seeking: a frame needs the ones before it, and timestamps do not say with which sample
it starts. Damage that the decoder meets is raised. FFmpeg skips damage while it looks for the next
frame of an mp3, AAC or Ogg stream; that damage goes unnoticed and makes the audio shorter, as it
does for every other program that reads the file through FFmpeg.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgvoice.hooks.audio.completeness import promised_mp3_frames
from pgvoice.hooks.audio.decoder import Range
from pgvoice.hooks.audio.frames import joined, mono
from pgvoice.hooks.audio.packets import PacketCount
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import AudioTruncated, AudioUnreadable, needs_extra

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer


#: FFmpeg's names of the demuxers that may run. Playlists, image sequences and scripts are left
#: out: FFmpeg also treats them as media, and they open other files.
_DEMUXERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp2,mp3,mpc,mpc8,mpeg,mpegts,ogg,rm,tta,voc,w64,wav,wv"
)


def damaged(path: Path, seconds: float, error: object) -> AudioUnreadable:
    return AudioUnreadable(
        f"{path} cannot be decoded at {seconds:.1f} s ({error}); download it again or "
        "convert it to FLAC"
    )


def rate_changed(path: Path, seconds: float, before: int, after: int) -> AudioUnreadable:
    return AudioUnreadable(
        f"{path} changes from {before} to {after} Hz at {seconds:.1f} s; convert it to one sample "
        "rate"
    )


def _open(path: Path) -> InputContainer:
    with needs_extra("extract"):
        import av
    options = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"}
    # Tags in another encoding than they claim do not matter here; to PyAV 19 they never do.
    tags: dict[str, Any] = {"metadata_errors": "replace"} if _major(av.__version__) < 19 else {}
    try:
        opened: InputContainer = av.open(f"file:{path}", options=options, **tags)
    except av.FFmpegError as error:
        raise AudioUnreadable(
            f"{path} is not an audio or video file that FFmpeg can read ({error.strerror}); "
            "download it again or convert it to FLAC"
        ) from error
    return opened


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _best_stream(path: Path, container: InputContainer) -> AudioStream:
    import av

    stream = container.streams.best("audio")
    if not isinstance(stream, av.AudioStream) or stream.codec_context is None:
        raise AudioUnreadable(
            f"{path} contains no audio that FFmpeg can decode; give a file with sound"
        )
    stream.codec_context.thread_type = "AUTO"
    with suppress(AttributeError):  # an older PyAV reads the video and drops it
        for other in container.streams:
            if other.index != stream.index:
                other.discard = av.stream.Discard.all
    return stream


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
        self.container = _open(self._path)
        #: Whether the container is where opening it left it.
        self.at_start = True
        #: The first packet with data; known once a frame is decoded.
        self.first_packet: Packet[AudioStream] | None = None
        self._decoded = 0
        try:
            self.stream = _best_stream(self._path, self.container)
            self._count = PacketCount(self.stream.time_base)
            frames = self._decode()
            first = next(frames, None)
            if first is None:
                raise AudioUnreadable(f"{self._path} contains no audio samples; download it again")
        except BaseException:
            self.close()
            raise
        self._frames = chain([first], frames)
        # The first frame knows the rate better than the header does.
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
        # Of mp3, the only container that `check_complete` cannot judge.
        is_mp3 = self.container.format.name == "mp3"
        promised = promised_mp3_frames(self._path) if is_mp3 else None
        if promised and self._count.packets < promised - _UNCOUNTED:
            raise AudioTruncated(
                f"{self._path} contains {self._count.packets:,} of the {promised:,} frames that its"
                " header promises; download it again"
            )
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
        self.container.close()

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
            yield from self.container.demux(self.stream)
        except av.FFmpegError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> AudioUnreadable:
        rate = self.stream.codec_context.sample_rate or 1
        return damaged(self._path, self._decoded / rate, error)
