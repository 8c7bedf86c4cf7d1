"""Who speaks in a diarizer's clusters, from the evidence of several segments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.answers.identify import COLUMNS, Identification
from pgvoice.store.keys import SegmentKey

_IDENTIFY_CLUSTERS = text(
    f"SELECT cluster, evidence_similarity, evidence_ms / 1000::double precision, {COLUMNS}"  # noqa: S608
    " FROM pgvoice.identify_clusters_ms(:video, CAST(:starts AS integer[]),"
    " CAST(:ends AS integer[]), CAST(:clusters AS text[]), :encoder, :threshold, :min_margin)"
)


@dataclass(frozen=True, slots=True)
class ClusterIdentification:
    """Who speaks in one segment of a cluster."""

    #: The diarizer's label; None for a segment that is judged alone.
    cluster: str | None
    #: The answer of `identify`, except that `reason` is ``by_cluster`` if the cluster's evidence
    #: gave the name. The similarities are always the segment's own.
    identification: Identification
    #: Cosine similarity of the speech that was pooled with this segment, and its seconds.
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


def identify_clusters(
    connection: Connection,
    video: str,
    encoder_id: int,
    keys: Sequence[SegmentKey],
    clusters: Sequence[str | None],
    threshold: float | None,
    min_margin: float | None,
) -> list[ClusterIdentification]:
    """One answer per key, in order; `clusters` gives the label of each."""
    rows = connection.execute(
        _IDENTIFY_CLUSTERS,
        {
            "video": video,
            "starts": [key.start_ms for key in keys],
            "ends": [key.end_ms for key in keys],
            "clusters": list(clusters),
            "encoder": encoder_id,
            "threshold": threshold,
            "min_margin": min_margin,
        },
    )
    return [
        ClusterIdentification(cluster, Identification(*answer), similarity, seconds)
        for cluster, similarity, seconds, *answer in rows
    ]


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
