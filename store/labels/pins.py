"""Say who speaks in segments of a recording, or who does not, and take it back."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import NO_DATA_FOUND, detail, sqlstate
from pgvoice.store.errors import NewName, NoSegment, UnknownLabel, UnknownTurnLabel
from pgvoice.store.keys import SegmentKey, Span, snap_segment
from pgvoice.store.names import checked
from pgvoice.store.privacy import audit, consents
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.recordings.typed_spans import ResolvedSpeech, resolve

_PIN = text(
    "SELECT pgvoice.pin_labels(:video, CAST(:starts AS integer[]), CAST(:ends AS integer[]),"
    " :speaker, :holds, :new)"
)
_UNPIN = text(
    "SELECT pgvoice.unpin_labels(:video, CAST(:starts AS integer[]), CAST(:ends AS integer[]))"
)
_LABELLED = text(
    "SELECT s.start_ms, s.end_ms FROM pgvoice_internal.voice_segments(:video, :label) v,"
    " unnest(v.starts_ms, v.ends_ms) AS s(start_ms, end_ms) ORDER BY 1, 2"
)
_IS_TURN = text(
    "SELECT EXISTS (SELECT FROM pgvoice.turn t JOIN pgvoice.video v ON v.id = t.video_id"
    " WHERE v.key = :video AND t.start_ms = :start AND t.end_ms = :end)"
)
_NAMES = text("SELECT name FROM pgvoice.speaker ORDER BY name")


def pin(
    connection: Connection,
    video: str,
    keys: Sequence[SegmentKey],
    speaker: str | None,
    *,
    holds: bool,
    new: bool,
) -> int | None:
    """Say it of segments of a known video; the labels are held."""
    if not keys:
        raise ValueError("no segments to pin")
    if speaker is None and not holds:
        raise ValueError("name the person who does not speak there: nobody cannot be denied")
    if speaker is not None:
        _require(connection, speaker, new=new)
    values = _keys(video, keys) | {"speaker": speaker, "holds": holds, "new": new}
    try:
        with consents.refusals(str(speaker)):
            run: int | None = connection.scalar(_PIN, values)
    except DBAPIError as error:
        if sqlstate(error) != NO_DATA_FOUND:
            raise
        raise UnknownLabel(video, (keys[0].start_s, keys[-1].end_s), "segment") from None
    denied = {} if holds else {"holds": False}
    audit.record(connection, "pin", video, run=run, speaker=speaker, **denied)
    return run


def unpin(connection: Connection, video: str, keys: Sequence[SegmentKey]) -> int:
    """Take back what was said of segments of a known video; the labels are held."""
    if not keys:
        raise ValueError("no segments to unpin")
    unpinned: int = connection.scalar(_UNPIN, _keys(video, keys))
    if not unpinned:
        raise UnknownLabel(video, (keys[0].start_s, keys[-1].end_s), "pinned label")
    return unpinned


def meant(
    connection: Connection,
    video: str,
    span: Span,
    encoder: WhichEncoder,
    grid_ms: int,
    what: str,
) -> tuple[SegmentKey, ...]:
    """The segments that a span of a known video means. Raises `UnknownLabel`."""
    try:
        return resolved(connection, video, span, encoder, grid_ms).segments
    except NoSegment as error:
        key = snap_segment(span, grid_ms)
        raise UnknownLabel(video, (key.start_s, key.end_s), what, error.nearest) from None


def resolved(
    connection: Connection, video: str, span: Span, encoder: WhichEncoder, grid_ms: int
) -> ResolvedSpeech:
    """What a span of a known video means: a stored turn, filled or not, or else as `resolve`."""
    key = snap_segment(span, grid_ms)
    values = {"video": video, "start": key.start_ms, "end": key.end_ms}
    if connection.scalar(_IS_TURN, values):
        return ResolvedSpeech((key.start_s, key.end_s), (key,))
    return resolve(connection, video, span, encoders.find(connection, encoder).id)


def labelled(connection: Connection, video: str, label: str) -> ResolvedSpeech:
    """All turns of a diarizer's label in a known video. Raises `UnknownTurnLabel`."""
    try:
        with connection.begin_nested():
            rows = connection.execute(_LABELLED, {"video": video, "label": label}).all()
    except DBAPIError as error:
        if sqlstate(error) != NO_DATA_FOUND:
            raise
        raise UnknownTurnLabel(video, label, detail(error)) from None
    return ResolvedSpeech(label, tuple(SegmentKey(*row) for row in rows))


def _require(connection: Connection, speaker: str, *, new: bool) -> None:
    checked(speaker, "a speaker's name")
    names = connection.scalars(_NAMES).all()
    if speaker not in names and not new:
        known = {name.casefold(): name for name in names}
        close = difflib.get_close_matches(speaker.casefold(), known)
        raise NewName(speaker, [known[name] for name in close])


def _keys(video: str, keys: Sequence[SegmentKey]) -> dict[str, object]:
    starts, ends = [key.start_ms for key in keys], [key.end_ms for key in keys]
    return {"video": video, "starts": starts, "ends": ends}
