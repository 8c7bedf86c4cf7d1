"""``identify``: who speaks in a video, asked of the store, and told to the plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pgvoice.hooks import calls
from pgvoice.store.clusters import ClusterSummary, summarize_clusters
from pgvoice.store.encoders import StoredEncoder
from pgvoice.store.identify import Identification
from pgvoice.store.voice_store import Span, VoiceStore, WhichEncoder


@dataclass(frozen=True, slots=True)
class IdentifyResult:
    """The answers for one video, and what they were judged by."""

    video: str
    encoder: StoredEncoder
    answers: tuple[Identification, ...]
    #: Who the diarizer's clusters are of; empty where none were given.
    clusters: tuple[ClusterSummary, ...] = ()


def identify(
    store: VoiceStore,
    video: str,
    spans: Iterable[Span] | None = None,
    clusters: Iterable[str | None] | None = None,
    *,
    encoder: WhichEncoder = None,
    threshold: float | None = None,
    min_margin: float | None = None,
) -> IdentifyResult:
    """What `VoiceStore.identify` answers; afterwards the plugins' ``after_identify`` is called.

    With `clusters`, a diarizer's label for each span, what `VoiceStore.identify_clusters` does.
    """
    summaries: list[ClusterSummary] = []
    if spans is None or clusters is None:
        answers = store.identify(
            video, spans, encoder=encoder, threshold=threshold, min_margin=min_margin
        )
    else:
        found = store.identify_clusters(
            video, spans, clusters, encoder=encoder, threshold=threshold, min_margin=min_margin
        )
        answers = [each.identification for each in found]
        summaries = summarize_clusters(found)
    result = IdentifyResult(video, store.encoder(encoder), tuple(answers), tuple(summaries))
    calls.after_identify(result)
    return result
