"""Fills as jobs: one runs, others wait, and their progress can be followed."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Path

from pgvoice.cli.serve.api import streams
from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.fields import Number, Page
from pgvoice.cli.serve.api.shapes.jobs import DocumentGiven, Fill, InvalidRow, Job, Report
from pgvoice.cli.serve.api.signals import Signal
from pgvoice.cli.serve.api.streams import EventStream
from pgvoice.cli.serve.api.writing import writing
from pgvoice.cli.serve.errors import UNFORESEEN, problem_of, problem_of_status
from pgvoice.cli.serve.site import Site
from pgvoice.hooks.fill.jobs import FillJob, FillJobs, FillRequest
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.store.turns import Turn

JobNumber = Annotated[Number, Path()]


def make(site: Site, jobs: FillJobs, changed: Signal) -> APIRouter:
    router, changing = APIRouter(tags=["fills"]), writing(site)

    @changing.post("/fills", response_model=Job, status_code=202)
    def start_fill(asked: Fill) -> Job:
        """Queue a fill, which computes the vectors that a recording is missing."""
        request = FillRequest(
            *(asked.video, _turns(asked), asked.encoder, asked.segmenter),
            *(asked.on_turns, asked.on_audio_change),
        )
        return _shown(jobs.submit(request))

    @router.get("/jobs", response_model=Page[Job])
    def list_jobs(paging: Asked) -> Part:
        """The fills that run, wait, or have ended, the newest first."""
        found = [_shown(job) for job in jobs.list()]
        return paging.skipping(lambda limit, skip: found[skip : skip + limit])

    @router.get("/jobs/{job:int}", response_model=Job)
    def get_job(job: JobNumber) -> Job:
        """A fill, as far as it is."""
        return _shown(jobs.get(job))

    @changing.delete("/jobs/{job:int}", response_model=Job)
    def cancel_job(job: JobNumber) -> Job:
        """Cancel a fill that waits."""
        return _shown(jobs.cancel(job))

    async def told(number: int) -> AsyncIterator[bytes]:
        seen = 0
        async with aclosing(changed.awaited(site.closing)) as changes:
            async for woken in changes:
                job = jobs.get(number)
                if job.version != seen:
                    seen = job.version
                    yield streams.event(job.state, _shown(job), str(seen))
                elif not woken:
                    yield streams.QUIET
                if job.has_ended:
                    return

    @router.get(
        "/jobs/{job:int}/events",
        response_class=EventStream,
        status_code=200,
        responses=streams.described(Job),
    )
    async def follow_job(job: JobNumber) -> EventStream:
        """Follow a fill: an event for each change, named after its state; ends when it ends.

        Who comes back gets the newest state first, which says all that the ones before said.
        """
        return EventStream(told(jobs.get(job).number))

    router.include_router(changing)
    return router


def _turns(asked: Fill) -> list[Turn] | None:
    """The segments of a request. Raises `FormatError` for a document that cannot be read."""
    if asked.segments is None:
        return None
    if isinstance(asked.segments, DocumentGiven):
        document = asked.segments
        return read_segments(io.StringIO(document.text), document.format, document.uri)
    return [Turn(each.start, each.end, each.label, each.text) for each in asked.segments]


def _shown(job: FillJob) -> Job:
    return Job(
        job=job.number,
        video=job.request.video,
        encoder=job.encoder,
        state=job.state,
        completed=job.completed,
        total=job.total,
        segmented_seconds=job.segmented_ms / 1000,
        audio_seconds=job.audio_ms / 1000,
        queued_at=job.queued_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        report=_report(job),
        error=_problem(job.error),
    )


def _report(job: FillJob) -> Report | None:
    found = job.report
    if found is None:
        return None
    return Report(
        requested=found.run.requested,
        clean_parts=found.clean_parts,
        hits=found.run.hits,
        missing=found.missing,
        filled=found.run.filled,
        skipped=dict(found.run.skipped),
        encoder_calls=found.encoder_calls,
        segmenter=found.segmenter,
        segment_seconds=found.segment_seconds,
        invalid=[InvalidRow(index=each.index, why=each.why) for each in job.invalid],
    )


def _problem(error: Exception | None) -> dict[str, object] | None:
    if error is None:
        return None
    return (problem_of(error) or problem_of_status(500, UNFORESEEN)).document()
