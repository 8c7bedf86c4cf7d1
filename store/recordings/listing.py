"""The list of recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """What the store knows of a recording; the fields are the columns of `pgvoice.videos`."""

    video: str
    #: The file that the audio was read from last; None until audio was read.
    source: str | None
    #: Length of the audio.
    seconds: float | None
    #: The file of the turns; None if there are no turns, or a program passed them.
    turns_source: str | None
    turns: int
    #: Different labels of the diarizer.
    labels: int
    #: Segments of the turns that have a vector; all such segments if there are no turns.
    filled: int
    #: Segments that have a current label.
    labelled: int
    #: When a turn, a vector or a label was stored last.
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which segments of a recording one encoder filled; the columns of `pgvoice.coverage`."""

    video: str
    encoder: str
    segments: int
    #: Segments with a vector, and without.
    embedded: int
    not_embedded: int
    #: Segments by status.
    statuses: Mapping[str, int]
    seconds: float
    embedded_seconds: float
    #: Size of the rows, without indexes and page overhead.
    bytes: int


_COVERED = ", ".join(field.name for field in fields(Coverage))
_COLUMNS = ", ".join(field.name for field in fields(StoredVideo))


def videos(
    connection: Connection,
    encoder: int | None,
    *,
    only: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[StoredVideo]:
    """Recordings by key: all, only one, or some after a key; counts are of one encoder, or any."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM pgvoice.videos(:encoder, :only, :after, :limit)"),  # noqa: S608
        {"encoder": encoder, "only": only, "after": after, "limit": limit},
    )
    return [StoredVideo(*row) for row in rows]


def coverage(
    connection: Connection, video: str | None, encoder: int | None, *, limit: int | None, skip: int
) -> list[Coverage]:
    """The coverage of a video, or of all, by key and encoder."""
    rows = connection.execute(
        text(
            f"SELECT {_COVERED} FROM pgvoice.coverage(:video, :encoder)"  # noqa: S608 - of constants
            " ORDER BY video, encoder LIMIT :limit OFFSET :skip"
        ),
        {"video": video, "encoder": encoder, "limit": limit, "skip": skip},
    )
    return [Coverage(*row) for row in rows]
