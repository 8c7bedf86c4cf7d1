"""Says when vectors are stored of an encoder that does not answer unless somebody names it."""

from __future__ import annotations

import warnings

from pgvoice.hooks.errors import NotTheDefaultEncoder
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.voice_store import VoiceStore

#: The stores, by URL, and encoders that nobody has to be told about any more.
_told = set[tuple[str, str]]()


def warn_unless_default(store: VoiceStore, encoder: EncoderIdentity) -> None:
    """Warn if another encoder answers in the store, once per process, store and encoder."""
    if _key(store, encoder) in _told:
        return
    answers = next((each.identity for each in store.encoders.list() if each.is_default), encoder)
    if answers != encoder:
        _told.add(_key(store, encoder))
        warnings.warn(
            f"{answers} answers in this store, not {encoder}: vectors of {encoder} answer only"
            f" whoever names it, until `pgvoice encoder switch`; for {answers}, name that instead",
            NotTheDefaultEncoder,
            stacklevel=3,
        )


def is_meant(store: VoiceStore, encoder: EncoderIdentity) -> None:
    """Warn of this encoder no more in this process: it is meant, or was warned of elsewhere."""
    _told.add(_key(store, encoder))


def _key(store: VoiceStore, encoder: EncoderIdentity) -> tuple[str, str]:
    return str(store.database.url), str(encoder)
