"""The store as a whole: thresholds, statistics, encoders, ingests."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.fields import Encoder, Page, Phrase
from pgvoice.cli.serve.api.shapes.library import (
    EncoderShown,
    FailedRecording,
    Ingest,
    ScoreBin,
    Statistics,
    Thresholds,
    Totals,
)
from pgvoice.cli.serve.site import Site
from pgvoice.store.recordings import listing, statistics
from pgvoice.store.thresholds import scores

#: An ingest by name.
Named = Annotated[Phrase | None, Query(description="Of one ingest; by default of all.")]


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["library"]), site.store

    @router.get("/thresholds", response_model=Thresholds)
    def get_thresholds(
        encoder: Annotated[Encoder | None, Query()] = None,
        gallery: Annotated[
            int | None,
            Query(ge=1, le=1_000_000, description="People; by default all who are enrolled."),
        ] = None,
    ) -> dict[str, object]:
        """Which thresholds apply, and what they rest on."""
        required = store.thresholds.required(encoder=encoder, gallery=gallery)
        return asdict(required) | {
            "threshold": required.threshold,
            "target_far": store.thresholds.target_far(),
            "library": store.thresholds.library(encoder=encoder),
        }

    @router.get("/thresholds/scores", response_model=list[ScoreBin])
    def list_scores(
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> list[scores.ScoreBin]:
        """How similar the same and different people are, as counts; for admins."""
        return store.thresholds.scores(encoder=encoder)

    @router.get("/totals", response_model=Totals)
    def get_totals(
        containing: Annotated[Phrase | None, Query(description="Part of the key.")] = None,
    ) -> listing.LibraryTotals:
        """How many recordings there are, and what they come to."""
        return store.recordings.totals(containing)

    @router.get("/statistics", response_model=Statistics)
    def get_statistics() -> statistics.CacheStatistics:
        """Hits and misses of fills, and the size of what is stored; `/coverage` says of what."""
        return store.recordings.statistics(holdings=False)

    @router.get("/encoders", response_model=list[EncoderShown])
    def list_encoders() -> list[dict[str, object]]:
        """The encoders whose vectors the store has, the oldest first."""
        return [
            {
                "encoder": str(each.identity),
                "threshold": each.threshold.similarity,
                "threshold_source": each.threshold.source,
                "is_default": each.is_default,
                "calibrated": each.calibrated,
            }
            for each in store.encoders.list()
        ]

    @router.get("/ingests", response_model=Page[Ingest])
    def list_ingests(paging: Asked, name: Named = None) -> Part:
        """How far ingests are."""
        found = store.ingests.status(name)
        return paging.skipping(lambda limit, skip: found[skip : skip + limit])

    @router.get("/ingests/failed", response_model=Page[FailedRecording])
    def list_failed_recordings(paging: Asked, name: Named = None) -> Part:
        """The recordings that could not be filled or have invalid segments, and why."""
        return paging.skipping(
            lambda limit, skip: store.ingests.failed(name, limit=limit, skip=skip)
        )

    return router
