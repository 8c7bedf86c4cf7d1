"""``VoiceStore.answers``: who is speaking, where somebody speaks, what sounds alike."""

from __future__ import annotations

from collections.abc import Iterable

from pgvoice.store.answers import appearances, identify, similar
from pgvoice.store.answers import clusters as cluster_answers
from pgvoice.store.answers.appearances import Appearance, Order
from pgvoice.store.answers.clusters import ClusterIdentification
from pgvoice.store.answers.identify import Identification
from pgvoice.store.answers.similar import SimilarFilter, SimilarSegment
from pgvoice.store.database.connection import Database
from pgvoice.store.keys import Span, snap_segment, valid_keys
from pgvoice.store.people import speakers
from pgvoice.store.recordings import encoders, videos
from pgvoice.store.recordings.encoders import WhichEncoder


class Answers:
    """Questions to the store; none of them changes it.

    `threshold` and `min_margin` are cosine similarities; by default those of the active
    calibration, or the encoder's own threshold and no margin.
    """

    def __init__(self, database: Database, grid_ms: int) -> None:
        self._database = database
        self._grid_ms = grid_ms

    def identify(
        self,
        video: str,
        spans: Iterable[Span] | None = None,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
    ) -> list[Identification]:
        """Who speaks in a video: one answer per span, in order, or one per stored segment.

        Raises `UnknownVideo`, `UnknownEncoder`, `InvalidSegment`.
        """
        keys = None if spans is None else valid_keys(spans, self._grid_ms)
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return identify.identify(connection, video, found.id, keys, threshold, min_margin)

    def identify_clusters(
        self,
        video: str,
        spans: Iterable[Span],
        clusters: Iterable[str | None],
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
    ) -> list[ClusterIdentification]:
        """Who speaks in spans that a diarizer put into clusters: one answer per span, in order.

        `clusters` are the diarizer's labels. A name from `identify` stays; the other segments of
        a cluster are judged by their evidence together. A span whose label is None is judged
        alone. Raises what `identify` raises, and `ValueError` unless each span has a label.
        """
        keys, labels = valid_keys(spans, self._grid_ms), list(clusters)
        if len(keys) != len(labels):
            raise ValueError(f"{len(labels)} labels for {len(keys)} spans: give one for each")
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return cluster_answers.identify_clusters(
                connection, video, found.id, keys, labels, threshold, min_margin
            )

    def appearances(
        self,
        name: str,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        limit: int | None = None,
        order: Order = "similarity",
    ) -> list[Appearance]:
        """Where somebody speaks, over all videos: exactly the segments `identify` assigns to them.

        Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            speakers.require(connection, name)
            found = encoders.find(connection, encoder)
            return appearances.appearances(
                connection, name, found.id, threshold, min_margin, limit, order
            )

    def similar(
        self,
        video: str,
        span: Span,
        *,
        limit: int = 20,
        among: SimilarFilter = SimilarFilter(),  # noqa: B008 - it is frozen
        encoder: WhichEncoder = None,
        exact: bool = False,
    ) -> list[SimilarSegment]:
        """What sounds like a stored segment, over all videos, the most similar first.

        Uses the index if there is one and it is faster, which may miss a few of the most similar
        segments; `exact` compares every segment. Raises `UnknownVideo`, `UnknownSpeaker`,
        `UnknownEncoder`, `InvalidSegment`, and `NoEmbedding` if the segment has no vector.
        """
        key = snap_segment(span, self._grid_ms)
        with self._database.engine.connect() as connection:
            found = encoders.find(connection, encoder)
            return similar.similar(connection, video, found.id, key, limit, among, exact)
