"""Stored labels, their runs, and what people said of who speaks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.acts import (
    LabelRun,
    Pin,
    Pinned,
    Relabelling,
    Reverted,
    Unpin,
    Unpinned,
)
from pgvoice.cli.serve.api.shapes.answers import LabelShown, Run, SpeakerTime, Word
from pgvoice.cli.serve.api.shapes.fields import Encoder, Number, Page, Video
from pgvoice.cli.serve.api.writing import writing
from pgvoice.cli.serve.site import Site
from pgvoice.store.keys import SegmentKey
from pgvoice.store.labels import runs


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["labels"]), site.store
    changing = writing(site)

    @router.get("/labels", response_model=Page[LabelShown])
    def list_labels(
        paging: Asked,
        video: Annotated[Video, Query()],
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> Part:
        """The current labels of a recording, in time order."""
        return paging.skipping(
            lambda limit, skip: store.labels.current(video, encoder=encoder, limit=limit, skip=skip)
        )

    @router.get("/runs", response_model=Page[Run])
    def list_runs(paging: Asked) -> Part:
        """The runs that stored labels, the newest first."""
        return paging.before(
            lambda limit, before: store.labels.runs(limit=limit, before=before),
            lambda run: run.id,
        )

    @router.get("/words", response_model=Page[Word])
    def list_words(paging: Asked, video: Annotated[Video, Query()]) -> Part:
        """What people said of who speaks in a recording, or who does not, the oldest first."""
        found = store.labels.words(video)
        return paging.skipping(lambda limit, skip: found[skip : skip + limit])

    @router.get("/speaker_time", response_model=Page[SpeakerTime])
    def list_speaker_time(
        paging: Asked,
        video: Annotated[Video | None, Query()] = None,
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> Part:
        """How long everybody speaks, by recording, from the current labels."""
        return paging.skipping(
            lambda limit, skip: store.labels.speaker_time(
                video, encoder=encoder, limit=limit, skip=skip
            )
        )

    @changing.post("/labels/run", response_model=Relabelling)
    def store_labels(asked: LabelRun) -> runs.Relabelling:
        """Store who speaks in recordings, or in all, as a run."""
        return store.labels.label(**asked.model_dump())

    @changing.post("/labels/relabel", response_model=Relabelling)
    def relabel(asked: LabelRun) -> runs.Relabelling:
        """Judge again what is labelled, as a run."""
        return store.labels.relabel(**asked.model_dump())

    @changing.post("/runs/{run:int}/revert", response_model=Reverted)
    def revert_run(run: Annotated[Number, Path()]) -> Reverted:
        """Take a run back: the labels before it become current again."""
        return Reverted(run=run, labels=store.labels.revert(run))

    @changing.post("/labels/pin", response_model=Pinned)
    def pin_labels(asked: Pin) -> Pinned:
        """Say who speaks in spans or under labels of a recording, or who does not."""
        keys = _meant(site, asked)
        return Pinned(
            run=store.labels.pin_segments(
                asked.video, keys, asked.speaker, holds=asked.holds, new=asked.new
            )
        )

    @changing.post("/labels/unpin", response_model=Unpinned)
    def unpin_labels(asked: Unpin) -> Unpinned:
        """Forget what was said of spans or labels of a recording."""
        keys = _meant(site, asked)
        return Unpinned(segments=store.labels.unpin_segments(asked.video, keys))

    router.include_router(changing)
    return router


def _meant(site: Site, asked: Pin | Unpin) -> list[SegmentKey]:
    """The segments that spans and labels mean, each once."""
    spans = [(span.start, span.end) for span in asked.spans]
    found = site.store.labels.resolve(
        asked.video, spans, labels=asked.labels, encoder=asked.encoder
    )
    return sorted({key for each in found for key in each.segments})
