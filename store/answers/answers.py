"""``VoiceStore.answers``: who is speaking, where somebody speaks, what sounds alike."""

from __future__ import annotations

from collections.abc import Iterable

from pgvoice.store.answers import appearances, clusters, identify, similar
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
    """Questions to the store; none of them changes it."""

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
        """Who speaks in a video: one answer per span in the order given, or for all it has.

        `threshold` and `min_margin` are cosine similarities; by default the encoder's threshold
        and no margin. Raises `UnknownVideo`, `UnknownEncoder`, `InvalidSegment`.
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
        labels: Iterable[str | None],
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
    ) -> list[ClusterIdentification]:
        """Who speaks in spans that a diarizer put into clusters: one answer each, in order.

        A name that `identify` gives stays; segments that alone say too little are heard together
        with others of their cluster. None as cluster is a segment by itself. Raises as `identify`,
        and `ValueError` where there are not as many clusters as spans.
        """
        keys, given = valid_keys(spans, self._grid_ms), list(labels)
        if len(keys) != len(given):
            raise ValueError(f"{len(given)} labels for {len(keys)} spans: give one for each")
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return clusters.identify_clusters(
                connection, video, found.id, keys, given, threshold, min_margin
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
        """Where somebody speaks, over all videos: most similar first, or by video and start.

        Exactly the segments that `identify` gives to them. Raises `UnknownSpeaker`.
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
        """What sounds like a stored segment, over all videos, most similar first.

        By the index where there is one and it pays, which finds nearly all of the most similar;
        `exact` compares every segment instead. Raises `UnknownVideo`, `UnknownSpeaker`,
        `UnknownEncoder`, `InvalidSegment`, and `NoEmbedding` for a segment without a vector.
        """
        key = snap_segment(span, self._grid_ms)
        with self._database.engine.connect() as connection:
            found = encoders.find(connection, encoder)
            return similar.similar(connection, video, found.id, key, limit, among, exact)
