"""Opening a file's best audio stream through FFmpeg (PyAV), and the errors if that fails."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pgvoice.hooks.errors import AudioUnreadable
from pgvoice.hooks.extras import needs_extra

if TYPE_CHECKING:
    from av import AudioStream
    from av.container import InputContainer

#: FFmpeg's names of the demuxers that may run. Playlists, image sequences and scripts are left
#: out: FFmpeg also treats them as media, and they open other files.
_DEMUXERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp2,mp3,mpc,mpc8,mpeg,mpegts,ogg,rm,tta,voc,w64,wav,wv"
)


class OpenStream(NamedTuple):
    """The stream to decode, and the file that contains it."""

    container: InputContainer
    stream: AudioStream


def open_stream(path: Path) -> OpenStream:
    """Raises `AudioUnreadable`."""
    container = _open(path)
    try:
        return OpenStream(container, _best_stream(path, container))
    except BaseException:
        container.close()
        raise


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
    try:
        # Tags in another encoding than they claim do not matter here.
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise AudioUnreadable(
            f"{path} is not an audio or video file that FFmpeg can read ({error.strerror}); "
            "download it again or convert it to FLAC"
        ) from error


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
