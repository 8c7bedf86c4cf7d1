"""Which encoder's vectors a page is about."""

from __future__ import annotations

from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder
from pgvoice.store.voice_store import VoiceStore


def chosen(store: VoiceStore, which: str | None) -> StoredEncoder | None:
    """The encoder asked for, or the one that answers; None if the store has none.

    Raises `UnknownEncoder`.
    """
    if which:
        return store.encoders.find(which)
    return next((each for each in store.encoders.list() if each.is_default), None)


def identity(store: VoiceStore, which: str | None = None) -> EncoderIdentity | None:
    """As `chosen`, for the questions of a store."""
    found = chosen(store, which)
    return None if found is None else found.identity
