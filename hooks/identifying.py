"""``identify``: who speaks in a video, asked of the store, and told to the plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pgvoice.hooks import calls
from pgvoice.store.encoders import StoredEncoder
from pgvoice.store.identify import Identification
from pgvoice.store.voice_store import Span, VoiceStore, WhichEncoder


@dataclass(frozen=True, slots=True)
class IdentifyResult:
    """The answers for one video, and what they were judged by."""

    video: str
    encoder: StoredEncoder
    answers: tuple[Identification, ...]


def identify(
    store: VoiceStore,
    video: str,
    spans: Iterable[Span] | None = None,
    *,
    encoder: WhichEncoder = None,
    threshold: float | None = None,
    min_margin: float | None = None,
) -> IdentifyResult:
    """What `VoiceStore.identify` answers; afterwards the plugins' ``after_identify`` is called."""
    answers = store.identify(
        video, spans, encoder=encoder, threshold=threshold, min_margin=min_margin
    )
    result = IdentifyResult(video, store.encoder(encoder), tuple(answers))
    calls.after_identify(result)
    return result
