"""The list of recordings, as a whole and page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, text

from pgvoice.store.recordings.encoders import ASKED, ENCODER_LABEL


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
    #: What found the turns in the audio, if anything did.
    segmenter: str | None
    turns: int
    #: Different labels of the diarizer.
    labels: int
    #: Segments of the turns that have a vector; all such segments if there are no turns.
    filled: int
    #: Segments that have a current label.
    labelled: int
    #: When a turn, a vector or a label was stored last.
    changed_at: datetime
    #: Whose vectors and labels are counted; None while the store has no encoder.
    encoder: str | None


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
    #: The file that vectors were imported from last; None for those of a fill.
    source: str | None


_COVERED = ", ".join(field.name for field in fields(Coverage))
_COLUMNS = ", ".join(
    ENCODER_LABEL if field.name == "encoder" else field.name for field in fields(StoredVideo)
)


def videos(
    connection: Connection,
    encoder: int | None,
    *,
    only: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[StoredVideo]:
    """Recordings by key: all, only one, or some after a key; counts are of one encoder."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM pgvoice.videos({ASKED}, :only, :after, :limit)"),  # noqa: S608
        {"encoder": encoder, "only": only, "after": after, "limit": limit},
    )
    return [StoredVideo(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class VideoSummary:
    """What a list shows of a recording; times are in seconds."""

    video: str
    #: The file that the audio was read from last; None until audio was read.
    source: str | None
    #: Length of the audio; None until it was read.
    seconds: float | None
    #: When the last segment ends; None if there is none.
    last_end: float | None
    turns: int
    #: Different segments of the turns, or all that are stored if there are no turns,
    segments: int
    #: how many of them have a vector, and how many a current label.
    filled: int
    labelled: int
    #: When a fill ended last; None if none did.
    filled_at: datetime | None
    #: Of all segments; of those with a name; and of those that are unknown voices.
    speech_seconds: float
    named_seconds: float
    voice_seconds: float
    #: Who speaks for how long, by the current labels; the longest first.
    speakers: tuple[tuple[str, float], ...]
    #: Whose vectors, labels and voices these are; None while the store has no encoder.
    encoder: str | None


#: By key, the newest first, or those with the longest audio first.
VideoOrder = Literal["key", "newest", "longest"]
_SUMMARIES = text(
    "SELECT video, source, seconds, last_end_s, turns, segments, filled, labelled, filled_at,"  # noqa: S608
    f" speech_seconds, named_seconds, voice_seconds, speakers, speaker_seconds, {ENCODER_LABEL}"
    f" FROM pgvoice.video_summaries(:after, :limit, :containing, :order, :skip, {ASKED})"
)


def summaries(
    connection: Connection,
    *,
    after: str | None,
    limit: int | None,
    containing: str | None,
    order: VideoOrder,
    skip: int,
    encoder: int | None,
) -> list[VideoSummary]:
    """A page of recordings; what is filled, labelled and heard is of one encoder."""
    asked = {"after": after, "limit": limit, "containing": containing, "order": order, "skip": skip}
    rows = connection.execute(_SUMMARIES, asked | {"encoder": encoder})
    return [
        VideoSummary(*(*row, tuple(zip(speakers, seconds, strict=True)), which))
        for *row, speakers, seconds, which in rows
    ]


@dataclass(frozen=True, slots=True)
class LibraryTotals:
    """What all recordings of a list come to."""

    recordings: int
    #: Length of their audio.
    seconds: float
    #: Segments that all fills of the store asked for, and how many of these were stored before.
    requested: int
    hits: int
    #: Whether the store keeps what was said.
    keeps_text: bool


_TOTALS = text(
    "SELECT recordings, seconds, requested, hits, keeps_text"
    " FROM pgvoice.library_totals(:containing)"
)


def totals(connection: Connection, containing: str | None) -> LibraryTotals:
    """The totals of the recordings whose key contains a text."""
    return LibraryTotals(*connection.execute(_TOTALS, {"containing": containing}).one())


def coverage(
    connection: Connection, video: str | None, encoder: int | None, *, limit: int | None, skip: int
) -> list[Coverage]:
    """The coverage of a video, or of all, by key."""
    rows = connection.execute(
        text(
            f"SELECT {_COVERED} FROM pgvoice.coverage(:video, {ASKED})"  # noqa: S608 - of constants
            " ORDER BY video LIMIT :limit OFFSET :skip"
        ),
        {"video": video, "encoder": encoder, "limit": limit, "skip": skip},
    )
    return [Coverage(*row) for row in rows]
