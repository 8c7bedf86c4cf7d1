"""Recordings, their turns, and what is filled of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.enrolling import EraseRecording
from pgvoice.cli.serve.api.shapes.fields import Encoder, Page, Phrase, Video
from pgvoice.cli.serve.api.shapes.library import (
    Coverage,
    Recording,
    RecordingDetail,
    RecordingSummary,
    Turn,
)
from pgvoice.cli.serve.api.shapes.people import Erasure
from pgvoice.cli.serve.api.writing import writing
from pgvoice.cli.serve.site import Site
from pgvoice.store.recordings.listing import StoredVideo, VideoSummary


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["recordings"]), site.store
    changing = writing(site)

    @router.get("/recordings", response_model=Page[Recording])
    def list_recordings(paging: Asked, encoder: Annotated[Encoder | None, Query()] = None) -> Part:
        """The recordings, by key: their files, turns, and what is filled and labelled."""
        return paging.after(
            lambda limit, after: store.recordings.videos(encoder=encoder, after=after, limit=limit),
            _key,
        )

    @router.get("/recordings/summaries", response_model=Page[RecordingSummary])
    def list_recording_summaries(
        paging: Asked,
        containing: Annotated[Phrase | None, Query(description="Part of the key.")] = None,
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> Part:
        """The recordings, by key: how much of them has a name, and who speaks for how long."""
        return paging.after(
            lambda limit, after: store.recordings.summaries(
                after=after, limit=limit, containing=containing, encoder=encoder
            ),
            _key,
        )

    @router.get("/recording", response_model=RecordingDetail)
    def get_recording(
        video: Annotated[Video, Query()], encoder: Annotated[Encoder | None, Query()] = None
    ) -> dict[str, object]:
        """One recording, and what an encoder filled of it."""
        found = store.recordings.video(video, encoder=encoder)
        coverage = store.recordings.coverage(video, encoder=encoder)
        return asdict(found) | {"coverage": coverage}

    @router.get("/coverage", response_model=Page[Coverage])
    def list_coverage(
        paging: Asked,
        video: Annotated[Video | None, Query()] = None,
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> Part:
        """Which segments have a vector, and why others have none, by recording."""
        return paging.skipping(
            lambda limit, skip: store.recordings.coverage(
                video, encoder=encoder, limit=limit, skip=skip
            )
        )

    @router.get("/turns", response_model=Page[Turn])
    def list_turns(paging: Asked, video: Annotated[Video, Query()]) -> Part:
        """The stored turns of a recording, in the order of their document."""
        return paging.skipping(
            lambda limit, skip: store.recordings.turns(video, limit=limit, skip=skip) or []
        )

    @changing.post("/recording/erase", response_model=Erasure)
    def erase_recording(asked: EraseRecording) -> dict[str, object]:
        """Erase a recording with everything about it; exemplars are kept. Cannot be undone."""
        done = store.privacy.erase_video(asked.video, dry_run=asked.dry_run)
        return asdict(done) | {"remains": store.privacy.remains(asked.video)}

    router.include_router(changing)
    return router


def _key(recording: StoredVideo | VideoSummary) -> str:
    return recording.video
