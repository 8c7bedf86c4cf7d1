"""The list of recordings."""

from __future__ import annotations

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


_COLUMNS = ", ".join(field.name for field in fields(StoredVideo))


def videos(connection: Connection, encoder: int | None) -> list[StoredVideo]:
    """Every recording, by key; counts are of one encoder, or of any."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM pgvoice.videos(:encoder)"),  # noqa: S608 - of constants
        {"encoder": encoder},
    )
    return [StoredVideo(*row) for row in rows]
