"""Videos: the pipeline's own keys, and the audio that their vectors come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from pgvoice.store.errors import AudioChanged, UnknownVideo
from pgvoice.store.names import checked, is_text

#: The id of the video whose key is the parameter ``video``, in a statement.
VIDEO_ID = "(SELECT id FROM pgvoice.video WHERE key = :video)"
#: What to do when a video's audio is not the audio that was filled.
OnAudioChange = Literal["raise", "keep", "replace"]


@dataclass(frozen=True, slots=True)
class VideoAudio:
    """The audio file of a video, as far as the store remembers it."""

    sha256: str
    duration_ms: int
    source: str


def ensure(
    connection: Connection, key: str, audio: VideoAudio | None, on_change: OnAudioChange = "raise"
) -> int:
    """The id of a video, created if it is new; `audio` is None while no audio was read.

    Raises `ValueError` for an empty key, and `AudioChanged` when other audio was filled before and
    `on_change` is ``raise``; with ``replace`` the vectors of the other audio are deleted, and its
    labels but those that a person pinned; with ``keep`` they stay.
    """
    video_id: int = connection.scalar(
        text(
            "INSERT INTO pgvoice.video AS v (key) VALUES (:key)"
            " ON CONFLICT (key) DO UPDATE SET source = v.source RETURNING id"
        ),
        {"key": checked(key, "a video's key")},
    )
    if audio is not None:
        _remember(connection, video_id, key, audio, on_change)
    return video_id


def require(connection: Connection, key: str, *, held: bool = False) -> int:
    """The id of a video; raises `UnknownVideo`. Nobody erases one that is `held`, until commit."""
    if not is_text(key):
        raise UnknownVideo(key)
    statement = "SELECT id FROM pgvoice.video WHERE key = :key"
    video_id: int | None = connection.scalar(
        text(f"{statement} FOR KEY SHARE" if held else statement), {"key": key}
    )
    if video_id is None:
        raise UnknownVideo(key)
    return video_id


def stored(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """By name the key of the stored video; names may have underscores for a key's blanks.

    Names that no key, or several, could be meant by are left out.
    """
    asked = [name for name in names if is_text(name)]
    rows = connection.execute(
        text(
            "SELECT name, min(key) FROM"
            " unnest(CAST(:names AS text[])) WITH ORDINALITY AS asked(name, at)"
            " JOIN pgvoice.video ON key = name OR (replace(key, ' ', '_') = name"
            " AND NOT EXISTS (SELECT FROM pgvoice.video v WHERE v.key = name))"
            " GROUP BY name, at HAVING count(*) = 1 ORDER BY at"
        ),
        {"names": asked},
    )
    return {row.name: row.min for row in rows}


def _remember(
    connection: Connection, video_id: int, key: str, audio: VideoAudio, on_change: OnAudioChange
) -> None:
    stored = connection.scalar(
        # Against other fills, not against whoever only refers to the video, as new labels do.
        text("SELECT audio_sha256 FROM pgvoice.video WHERE id = :id FOR NO KEY UPDATE"),
        {"id": video_id},
    )
    if stored not in (None, audio.sha256):
        if on_change == "raise":
            raise AudioChanged(key, stored, audio.sha256)
        if on_change == "replace":
            _forget_segments(connection, video_id)
    connection.execute(
        text(
            "UPDATE pgvoice.video SET audio_sha256 = :sha256, duration_ms = :duration_ms,"
            " source = :source WHERE id = :id"
        ),
        {
            "id": video_id,
            "sha256": audio.sha256,
            "duration_ms": audio.duration_ms,
            "source": audio.source,
        },
    )


def _forget_segments(connection: Connection, video_id: int) -> None:
    for statement in (
        "DELETE FROM pgvoice.segment_embedding WHERE video_id = :id",
        "DELETE FROM pgvoice.attribution WHERE video_id = :id AND NOT pinned",
    ):
        connection.execute(text(statement), {"id": video_id})
