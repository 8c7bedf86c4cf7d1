"""Who speaks in a diarizer's clusters, from the evidence of several segments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pgvoice.store.answers.identify import Identification


@dataclass(frozen=True, slots=True)
class ClusterIdentification:
    """Who speaks in one segment of a cluster."""

    #: The diarizer's label; None for a segment that is judged alone.
    cluster: str | None
    #: The answer of `identify`, except that `reason` is ``by_cluster`` if the cluster's evidence
    #: gave the name. The similarities are always the segment's own.
    identification: Identification
    #: Cosine similarity of the cluster's clean speech to the person, and its seconds.
    evidence_similarity: float | None = None
    evidence_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ClusterPart:
    """One person's part of a cluster; None is everybody who is not known."""

    speaker: str | None
    segments: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """The people of a cluster, most segments first, unknown people last."""

    cluster: str
    parts: list[ClusterPart]

    def __str__(self) -> str:
        parts = ", ".join(f"{part.segments} {part.speaker or 'unknown'}" for part in self.parts)
        return f"cluster {self.cluster}: {parts}"


def summarize_clusters(found: Iterable[ClusterIdentification]) -> list[ClusterSummary]:
    """Who speaks in each cluster, sorted by label."""
    durations: defaultdict[str, defaultdict[str | None, list[int]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each in found:
        if each.cluster is not None:
            answer = each.identification
            durations[each.cluster][answer.speaker].append(answer.end_ms - answer.start_ms)
    return [
        ClusterSummary(
            cluster,
            sorted(
                (ClusterPart(who, len(ms), sum(ms) / 1000) for who, ms in by_speaker.items()),
                key=lambda part: (part.speaker is None, -part.segments, part.speaker or ""),
            ),
        )
        for cluster, by_speaker in sorted(durations.items())
    ]
