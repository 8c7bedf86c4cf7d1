"""``VoiceStore.answers``: who is speaking and where, what sounds alike, who said something."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text

from pgvoice.store.answers import similar, text_search
from pgvoice.store.answers.appearances import Appearance, Order
from pgvoice.store.answers.clusters import ClusterIdentification
from pgvoice.store.answers.identify import COLUMNS, Identification
from pgvoice.store.answers.similar import SimilarFilter, SimilarSegment
from pgvoice.store.answers.text_search import FoundTurn
from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import refused_values
from pgvoice.store.keys import Span, snap_segment, valid_keys
from pgvoice.store.people import speakers as people
from pgvoice.store.recordings import encoders, videos
from pgvoice.store.recordings.encoders import ENCODER_LABEL, WhichEncoder

#: The named arguments that both ways to identify have.
_ASKED = (
    "video => :video, starts_ms => CAST(:starts AS integer[]), ends_ms => CAST(:ends AS integer[]),"
    " encoder => :encoder, threshold => :threshold, min_margin => :min_margin,"
    " speakers => CAST(:speakers AS text[])"
)
_IDENTIFY = text(f"SELECT {COLUMNS} FROM pgvoice.identify({_ASKED})")  # noqa: S608
_IDENTIFY_CLUSTERS = text(
    f"SELECT cluster, evidence_similarity, evidence_s, {COLUMNS}"  # noqa: S608
    f" FROM pgvoice.identify_clusters({_ASKED}, starts => NULL, ends => NULL,"
    " clusters => CAST(:clusters AS text[]), one_label_one_name => :one_label_one_name)"
)
_APPEARANCES = text(
    "SELECT video, start_ms, end_ms, similarity, runner_up, runner_up_similarity, margin,"  # noqa: S608
    f" {ENCODER_LABEL} FROM pgvoice.speaker_segments(:speaker, :encoder, :threshold, :min_margin,"
    " CAST(:limit AS bigint) + :skip, :order) OFFSET :skip"
)


class Answers:
    """Questions to the store; none of them changes it.

    `threshold` and `min_margin` are cosine similarities; by default those of
    `Thresholds.required`. If a threshold is given, nobody is suggested. Questions raise
    `ValueError` for a threshold, margin or limit that is out of range.
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
        speakers: Iterable[str] | None = None,
    ) -> list[Identification]:
        """Who speaks in a video: one answer per span, in order, or one per stored segment.

        `speakers` are the only people who can be named; by default, everybody who is enrolled.
        The fewer they are, the lower the threshold. Raises `UnknownVideo`, `UnknownEncoder`,
        `UnknownSpeaker`, `InvalidSegment`.
        """
        keys = None if spans is None else valid_keys(spans, self._grid_ms)
        with refused_values(), self._database.engine.connect() as connection:
            videos.require(connection, video)
            rows = connection.execute(
                _IDENTIFY,
                {
                    "video": video,
                    "starts": None if keys is None else [key.start_ms for key in keys],
                    "ends": None if keys is None else [key.end_ms for key in keys],
                    "encoder": encoders.find(connection, encoder).id,
                    "threshold": threshold,
                    "min_margin": min_margin,
                    "speakers": people.known(connection, speakers),
                },
            )
            return [Identification(*row) for row in rows]

    def identify_clusters(
        self,
        video: str,
        spans: Iterable[Span],
        clusters: Iterable[str | None],
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        speakers: Iterable[str] | None = None,
        one_label_one_name: bool = False,
    ) -> list[ClusterIdentification]:
        """Who speaks in spans that a diarizer put into clusters: one answer per span, in order.

        `clusters` are the diarizer's labels. A name from `identify` stays; a segment without one
        gets that of its cluster if several seconds of clean speech have it, and if it sounds like
        them. With `one_label_one_name`, a label keeps only the name whose best match it is, and
        which is its own best match; two labels that sound like one voice may share a name. A span
        whose label is None is judged alone. Raises what `identify` raises, and `ValueError` unless
        each span has a label.
        """
        keys, labels = valid_keys(spans, self._grid_ms), list(clusters)
        if len(keys) != len(labels):
            raise ValueError(f"{len(labels)} labels for {len(keys)} spans: give one for each")
        with refused_values(), self._database.engine.connect() as connection:
            videos.require(connection, video)
            rows = connection.execute(
                _IDENTIFY_CLUSTERS,
                {
                    "video": video,
                    "starts": [key.start_ms for key in keys],
                    "ends": [key.end_ms for key in keys],
                    "clusters": labels,
                    "one_label_one_name": one_label_one_name,
                    "encoder": encoders.find(connection, encoder).id,
                    "threshold": threshold,
                    "min_margin": min_margin,
                    "speakers": people.known(connection, speakers),
                },
            )
            return [
                ClusterIdentification(cluster, Identification(*answer), similarity, seconds)
                for cluster, similarity, seconds, *answer in rows
            ]

    def appearances(
        self,
        name: str,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        limit: int | None = None,
        skip: int = 0,
        order: Order = "similarity",
    ) -> list[Appearance]:
        """Where somebody speaks, over all videos: exactly the segments `identify` assigns to them.

        Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with refused_values(), self._database.engine.connect() as connection:
            people.require(connection, name)
            rows = connection.execute(
                _APPEARANCES,
                {
                    "speaker": name,
                    "encoder": encoders.find(connection, encoder).id,
                    "threshold": threshold,
                    "min_margin": min_margin,
                    "limit": limit,
                    "skip": skip,
                    "order": order,
                },
            )
            return [Appearance(*row) for row in rows]

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
        segments; `exact` compares every segment. The span must mean one segment, see
        `Recordings.resolve`. Raises `UnknownVideo`, `UnknownSpeaker`, `UnknownEncoder`,
        `InvalidSegment`, `AmbiguousSpan`, and `NoEmbedding` if the segment has no vector.
        """
        key = snap_segment(span, self._grid_ms)
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            key = similar.sole_segment(connection, video, found.id, span, key)
            return similar.similar(connection, video, found.id, key, limit, among, exact)

    def search_text(
        self,
        query: str,
        *,
        limit: int | None = 50,
        skip: int = 0,
        video: str | None = None,
        encoder: WhichEncoder = None,
    ) -> list[FoundTurn]:
        """The turns whose text contains a query, without regard to case, by recording and time.

        Nothing is found unless the store keeps text. `skip` leaves out so many results, to page.
        Raises `UnknownVideo`, `UnknownEncoder`, and `ValueError` if the query is empty or a number
        is negative.
        """
        with refused_values(), self._database.engine.connect() as connection:
            if video is not None:
                videos.require(connection, video)
            found = encoders.asked(connection, encoder)
            return text_search.search(connection, query, limit, skip, video, found)
