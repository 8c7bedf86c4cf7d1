"""Who speaks in a recording, where somebody speaks, what sounds alike, who said something."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from pgvoice.cli.serve.api.paging import Asked, Part
from pgvoice.cli.serve.api.shapes.answers import Answers, Appearance, FoundTurn
from pgvoice.cli.serve.api.shapes.fields import (
    Encoder,
    End,
    Margin,
    Moment,
    Name,
    Page,
    Phrase,
    Seconds,
    Start,
    Threshold,
    Video,
)
from pgvoice.cli.serve.api.shapes.library import Similar
from pgvoice.cli.serve.site import Site
from pgvoice.hooks.identify import identify
from pgvoice.hooks.results import Labelled
from pgvoice.store.answers.appearances import Order
from pgvoice.store.answers.similar import SimilarFilter

#: Segments that `find_similar` returns at most; those who may not see vectors get no more either.
MOST_SIMILAR = 100
Speakers = Annotated[
    list[Name] | None,
    Query(max_length=100, description="The only people who can be named; by default everybody."),
]


def make(site: Site) -> APIRouter:
    router, store = APIRouter(tags=["answers"]), site.store

    @router.get("/answers", response_model=Answers)
    def identify_speakers(
        paging: Asked,
        video: Annotated[Video, Query()],
        encoder: Annotated[Encoder | None, Query()] = None,
        threshold: Annotated[Threshold | None, Query()] = None,
        min_margin: Annotated[Margin | None, Query()] = None,
        speakers: Speakers = None,
        clusters: Annotated[
            bool | None, Query(description="Judge turns of one label together; by default so.")
        ] = None,
        one_label_one_name: bool = False,
        voices: Annotated[
            bool, Query(description="Give segments without a name their unknown voice.")
        ] = False,
    ) -> dict[str, object]:
        """Who speaks in the segments of a recording, or why nobody is named."""
        found = identify(
            store,
            video,
            encoder=encoder,
            threshold=threshold,
            min_margin=min_margin,
            speakers=speakers,
            clusters=clusters,
            one_label_one_name=one_label_one_name,
            voices=voices,
        )
        required = store.thresholds.required(
            encoder=found.encoder.identity,
            threshold=threshold,
            min_margin=min_margin,
            gallery=None if speakers is None else len(set(speakers)),
        )
        # Turns of one label are judged together, so a part of them cannot be asked for.
        part = paging.skipping(lambda limit, skip: found.labels[skip : skip + limit])
        return {
            "video": video,
            "required": required,
            "clusters": found.clusters,
            "items": [_answer(each) for each in part.items],
            "next": part.next,
        }

    @router.get("/appearances", response_model=Page[Appearance])
    def list_appearances(
        paging: Asked,
        name: Annotated[Name, Query()],
        encoder: Annotated[Encoder | None, Query()] = None,
        threshold: Annotated[Threshold | None, Query()] = None,
        min_margin: Annotated[Margin | None, Query()] = None,
        order: Annotated[
            Order, Query(description="The most similar first, or by recording and time.")
        ] = "similarity",
    ) -> Part:
        """Where a person speaks, in all recordings."""
        return paging.skipping(
            lambda limit, skip: store.answers.appearances(
                name,
                encoder=encoder,
                threshold=threshold,
                min_margin=min_margin,
                limit=limit,
                skip=skip,
                order=order,
            )
        )

    @router.get("/similar", response_model=Similar)
    def find_similar(
        video: Annotated[Video, Query()],
        start: Annotated[Start, Query()],
        end: Annotated[End, Query()],
        limit: Annotated[int, Query(ge=1, le=MOST_SIMILAR)] = 20,
        videos: Annotated[list[Video] | None, Query(max_length=100)] = None,
        since: Annotated[
            Moment | None, Query(description="Only recordings added at this time or later.")
        ] = None,
        min_seconds: Annotated[Seconds | None, Query()] = None,
        excluded_speakers: Annotated[list[Name] | None, Query(max_length=100)] = None,
        same_video: bool = True,
        encoder: Annotated[Encoder | None, Query()] = None,
        exact: Annotated[bool, Query(description="Compare every segment.")] = False,
    ) -> dict[str, object]:
        """What sounds like a stored segment, in all recordings, the most similar first."""
        among = SimilarFilter(videos, since, min_seconds, excluded_speakers, same_video)
        span = (start, end)
        found = store.answers.similar(
            video, span, limit=limit, among=among, encoder=encoder, exact=exact
        )
        (meant,) = store.recordings.resolve(video, [span], encoder=encoder, with_vector=True)
        (key,) = meant.segments
        return {"video": video, "start": key.start_s, "end": key.end_s, "segments": found}

    @router.get("/search", response_model=Page[FoundTurn])
    def search_text(
        paging: Asked,
        text: Annotated[Phrase, Query(description="Part of what was said; case does not count.")],
        video: Annotated[Video | None, Query()] = None,
        encoder: Annotated[Encoder | None, Query()] = None,
    ) -> Part:
        """The turns in which something was said, and who speaks; if the store keeps text."""
        return paging.skipping(
            lambda limit, skip: store.answers.search_text(
                text, limit=limit, skip=skip, video=video, encoder=encoder
            )
        )

    return router


def _answer(each: Labelled) -> dict[str, object]:
    """A segment with its answer, as the document has it."""
    answer, given = each.identification, each.segment
    named = {
        "label": given.label,
        "speaker": each.speaker,
        "voice": each.unknown_voice,
        "similarity": each.similarity,
        "reason": each.reason,
        "suggestion": each.suggestion,
    }
    fields = (
        *("nearest", "runner_up", "runner_up_similarity", "margin"),
        *("threshold", "min_margin", "threshold_source"),
    )
    times = {"start": given.start, "end": given.end}
    if answer is not None:
        times = {"start": answer.start, "end": answer.end}
    return times | named | {name: getattr(answer, name, None) for name in fields}
