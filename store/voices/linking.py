"""Whether voices are linked across recordings, and linking them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from pgvoice.store.errors import LinkingDisabled

#: Called with how many recordings are done, and how many there are.
Progress = Callable[[int, int], None]
#: Recordings that one transaction links.
_AT_ONCE = 200
_SETTINGS = text("SELECT linking, false_link_rate, unknown_voice_days FROM pgvoice.setting")
_SET = text("SELECT pgvoice.set_linking(:enabled, :rate, :days)")
_VIDEOS = text(
    "SELECT v.key FROM pgvoice.video AS v JOIN pgvoice.turn_document AS d ON d.video_id = v.id"
    " ORDER BY v.id"
)
_REFRESH = text("SELECT pgvoice.refresh_voices(CAST(:videos AS text[]), CAST(:encoder AS integer))")
_LINK = text("SELECT pgvoice.link_voices(CAST(:videos AS text[]), CAST(:encoder AS integer))")
_LINKED = text(
    "SELECT count(*), count(DISTINCT unknown_voice_id) FROM pgvoice.linked_voice"
    " WHERE encoder_id = :encoder"
)


@dataclass(frozen=True, slots=True)
class LinkingSettings:
    """Whether and how the store links unknown voices."""

    enabled: bool
    #: Share of voices that may be linked with somebody else's.
    rate: float
    #: So long after a voice joined last, an unknown voice expires.
    days: int


@dataclass(frozen=True, slots=True)
class Linking:
    """How many there are once voices were linked."""

    #: Recordings that were looked at,
    recordings: int
    #: voices that are linked with an unknown voice,
    voices: int
    #: and unknown voices, each made of one voice or more.
    unknown_voices: int


def settings(connection: Connection) -> LinkingSettings:
    """Whether voices are linked, and how."""
    return LinkingSettings(*connection.execute(_SETTINGS).one())


def configure(
    connection: Connection, *, enabled: bool, rate: float | None = None, days: int | None = None
) -> int:
    """Enable or disable linking; returns how many unknown voices this deletes."""
    values = {"enabled": enabled, "rate": rate, "days": days}
    deleted: int = connection.scalar(_SET, values)
    return deleted


def link(
    engine: Engine,
    videos: Sequence[str] | None,
    encoder_ids: Sequence[int],
    progress: Progress | None,
) -> Linking:
    """Link the voices of these videos, or of all, in several transactions.

    Returns what the first encoder has then; the default one comes first, as others follow it.
    """
    with engine.connect() as connection:
        if not settings(connection).enabled:
            raise LinkingDisabled
        keys = connection.scalars(_VIDEOS).all() if videos is None else videos
    for start in range(0, len(keys), _AT_ONCE):
        some = list(keys[start : start + _AT_ONCE])
        for encoder in encoder_ids:
            for step in (_REFRESH, _LINK):
                with engine.begin() as connection:
                    connection.execute(step, {"videos": some, "encoder": encoder})
        if progress is not None:
            progress(start + len(some), len(keys))
    with engine.connect() as connection:
        first = {"encoder": next(iter(encoder_ids), None)}
        voices, unknown = connection.execute(_LINKED, first).one()
    return Linking(len(keys), voices, unknown)
