"""Who speaks in a diarizer's clusters: where one segment says too little, several are heard."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.answers.identify import Identification
from pgvoice.store.keys import SegmentKey


@dataclass(frozen=True, slots=True)
class ClusterIdentification:
    """Who speaks in one segment of a cluster."""

    #: The diarizer's label; None is a segment by itself.
    cluster: str | None
    #: As `identify` answers; its reason is ``by_cluster`` where the cluster's evidence gave the
    #: name, and the similarities are the segment's own.
    identification: Identification
    #: Cosine similarity of what was heard as one with this segment, and its seconds.
    evidence_similarity: float | None = None
    evidence_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ClusterPart:
    """What one person has of a cluster; None is nobody known."""

    speaker: str | None
    segments: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """The people of a cluster, most segments first, nobody known last."""

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
    """One answer per key, in order; `clusters` has the label of each."""
    rows = connection.execute(
        text(
            "SELECT cluster, start_s, end_s, speaker, nearest, similarity, runner_up,"
            " runner_up_similarity, margin, reason, evidence_similarity, evidence_s"
            " FROM pgvoice.identify_clusters(:video, CAST(:starts AS double precision[]),"
            " CAST(:ends AS double precision[]), CAST(:clusters AS text[]), :encoder, :threshold,"
            " :min_margin)"
        ),
        {
            "video": video,
            "starts": [key.start_s for key in keys],
            "ends": [key.end_s for key in keys],
            "clusters": list(clusters),
            "encoder": encoder_id,
            "threshold": threshold,
            "min_margin": min_margin,
        },
    )
    return [
        ClusterIdentification(cluster, Identification(*answer), similarity, seconds)
        for cluster, *answer, similarity, seconds in rows
    ]


def summarize_clusters(found: Iterable[ClusterIdentification]) -> list[ClusterSummary]:
    """How many segments of each cluster are whose, by the names of the clusters."""
    segments: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    seconds: Counter[tuple[str, str | None]] = Counter()
    for each in found:
        if each.cluster is not None:
            answer = each.identification
            segments[each.cluster][answer.speaker] += 1
            seconds[each.cluster, answer.speaker] += round((answer.end - answer.start) * 1000)
    return [
        ClusterSummary(
            cluster,
            [
                ClusterPart(speaker, count, seconds[cluster, speaker] / 1000)
                for speaker, count in sorted(counts.items(), key=_place)
            ],
        )
        for cluster, counts in sorted(segments.items())
    ]


def _place(part: tuple[str | None, int]) -> tuple[bool, int, str]:
    speaker, count = part
    return speaker is None, -count, speaker or ""
