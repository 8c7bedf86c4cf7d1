"""``identify``: ask the store who speaks in a video, and pass the answers to the plugins."""

from __future__ import annotations

from collections.abc import Iterable

from pgvoice.hooks.plugins import calls
from pgvoice.hooks.results import IdentifyResult
from pgvoice.store.answers.clusters import ClusterSummary, summarize_clusters
from pgvoice.store.keys import Span
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.voice_store import VoiceStore


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
    """The answers of `Answers.identify`; then calls the plugins' ``after_identify``.

    With `clusters`, a diarizer's label for each span, those of `Answers.identify_clusters`.
    """
    summaries: list[ClusterSummary] = []
    if spans is None or clusters is None:
        answers = store.answers.identify(
            video, spans, encoder=encoder, threshold=threshold, min_margin=min_margin
        )
    else:
        found = store.answers.identify_clusters(
            video, spans, clusters, encoder=encoder, threshold=threshold, min_margin=min_margin
        )
        answers = [each.identification for each in found]
        summaries = summarize_clusters(found)
    result = IdentifyResult(
        video, store.recordings.encoder(encoder), tuple(answers), tuple(summaries)
    )
    calls.after_identify(result)
    return result
