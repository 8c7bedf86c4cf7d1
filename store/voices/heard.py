"""Which segments of a recording are an unknown voice."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Connection, text

from pgvoice.store.keys import OnGrid


@dataclass(frozen=True, slots=True)
class SegmentVoice(OnGrid):
    """A segment of a recording and the unknown voice that speaks in it."""

    start_ms: int
    end_ms: int
    #: The diarizer's; None if the turns have none and the store grouped the segments.
    label: str | None
    #: The number of the unknown voice.
    voice: int


def of_segments(connection: Connection, video: str, encoder: int) -> list[SegmentVoice]:
    """Turns of a video that are an unknown voice which was not dismissed, in time order."""
    rows = connection.execute(_OF_SEGMENTS, {"video": video, "encoder": encoder})
    return [SegmentVoice(*row) for row in rows]


_COLUMNS = ", ".join(field.name for field in fields(SegmentVoice))
_OF_SEGMENTS = text(
    f"SELECT {_COLUMNS} FROM pgvoice.voices_of_segments(:video, :encoder)"  # noqa: S608
)
