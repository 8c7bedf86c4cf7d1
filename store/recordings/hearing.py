"""What may be heard of a recording."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.errors import NotHearable
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings import videos
from pgvoice.store.recordings.videos import VideoAudio

#: Of a part that may be played, in milliseconds, without what is around it.
LONGEST_MS = 60_000
_HEARABLE = text("SELECT * FROM pgvoice.hearable(:video, :from_ms, :to_ms, :context_ms)")


@dataclass(frozen=True, slots=True)
class Hearable:
    """A part of a recording that may be played."""

    span: SegmentKey
    #: Parts of it that were erased, and have to be silent.
    silent: tuple[SegmentKey, ...]
    #: The file to cut it from.
    audio: VideoAudio


def hearable(connection: Connection, video: str, span: SegmentKey, context_ms: int) -> Hearable:
    """The part to play for somebody to hear a span.

    Raises `UnknownVideo`, `NotHearable`, and `ValueError` for a span that is too long.
    """
    if span.duration_ms > LONGEST_MS:
        raise ValueError(
            f"{span.start_s:g} to {span.end_s:g} s is too long: give {LONGEST_MS // 1000} s at most"
        )
    audio = videos.audio(connection, videos.require(connection, video))
    if audio is None:
        raise NotHearable(f"no audio of {video!r} was read yet: fill it")
    asked = {"video": video, "from_ms": span.start_ms, "to_ms": span.end_ms}
    row = connection.execute(_HEARABLE, asked | {"context_ms": context_ms}).one_or_none()
    where = f"{span.start_s:g} to {span.end_s:g} s of {video!r}"
    if row is None:
        raise NotHearable(f"no turn and no stored segment is near all of {where}: play less of it")
    if row.is_erased:
        raise NotHearable(f"the speech from {where} was erased: it is not played")
    silent = zip(row.silent_starts_ms, row.silent_ends_ms, strict=True)
    spans = tuple(SegmentKey(*each) for each in sorted(silent))
    return Hearable(SegmentKey(row.start_ms, row.end_ms), spans, audio)
