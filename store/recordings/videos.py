"""Videos: the pipeline's own keys, and the audio that their vectors were computed from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import ERASED, speech_erased, sqlstate
from pgvoice.store.errors import AudioChanged, UnknownVideo
from pgvoice.store.names import checked, is_text

#: In a statement, the id of the video whose key is the parameter ``video``.
VIDEO_ID = "(SELECT id FROM pgvoice.video WHERE key = :video)"
#: What to do if a video's audio is not the audio that was filled before.
OnAudioChange = Literal["raise", "keep", "replace"]


@dataclass(frozen=True, slots=True)
class VideoAudio:
    """What the store remembers of a video's audio file."""

    sha256: str
    duration_ms: int
    source: str


def ensure(connection: Connection, key: str) -> int:
    """The id of a video, created if it is new. Raises `ValueError` for an empty key."""
    video_id: int = connection.scalar(
        text(
            "INSERT INTO pgvoice.video AS v (key) VALUES (:key)"
            " ON CONFLICT (key) DO UPDATE SET source = v.source RETURNING id"
        ),
        {"key": checked(key, "a video's key")},
    )
    return video_id


def require(connection: Connection, key: str, *, held: bool = False) -> int:
    """The id of a video; raises `UnknownVideo`. `held` keeps it from being erased until commit."""
    if not is_text(key):
        raise UnknownVideo(key)
    statement = "SELECT id FROM pgvoice.video WHERE key = :key"
    video_id: int | None = connection.scalar(
        text(f"{statement} FOR KEY SHARE" if held else statement), {"key": key}
    )
    if video_id is None:
        raise UnknownVideo(key)
    return video_id


def audio(connection: Connection, video_id: int) -> VideoAudio | None:
    """The audio of a video; None if it was not read."""
    row = connection.execute(
        text(
            "SELECT audio_sha256, duration_ms, source FROM pgvoice.video"
            " WHERE id = :id AND audio_sha256 IS NOT NULL"
        ),
        {"id": video_id},
    ).one_or_none()
    return None if row is None else VideoAudio(*row)


def remember_audio(
    connection: Connection, video_id: int, key: str, audio: VideoAudio, on_change: OnAudioChange
) -> bool:
    """Remember the audio of a video; returns whether vectors of other audio were deleted.

    If other audio was filled before, ``raise`` raises `AudioChanged`, ``keep`` keeps its vectors,
    and ``replace`` deletes them and its labels, except those that a person pinned. Raises
    `SpeechErased` if vectors of speech would be kept that was erased.
    """
    stored = connection.scalar(
        # Blocks other fills, but not transactions that only refer to the video, such as new labels.
        text("SELECT audio_sha256 FROM pgvoice.video WHERE id = :id FOR NO KEY UPDATE"),
        {"id": video_id},
    )
    changed = stored not in (None, audio.sha256)
    if changed and on_change == "raise":
        raise AudioChanged(
            f"the audio of {key!r} changed (sha256 {stored[:12]}… is stored, {audio.sha256[:12]}…"
            " was given): choose 'keep' to add to the stored vectors, 'replace' to delete them and"
            " fill from scratch, or use another video key"
        )
    replaced = changed and on_change == "replace"
    if replaced:
        connection.execute(
            text("SELECT pgvoice.replace_audio(:key, :sha256)"),
            {"key": key, "sha256": audio.sha256},
        )
    try:
        connection.execute(
            text(
                "UPDATE pgvoice.video SET audio_sha256 = :sha256, duration_ms = :duration_ms,"
                " source = :source WHERE id = :id"
            ),
            {"id": video_id, **asdict(audio)},
        )
    except DBAPIError as error:
        if sqlstate(error) == ERASED and error.orig:
            raise speech_erased(error.orig) from error
        raise
    return replaced
