"""Who speaks: answers, stored labels, what people said, and where somebody speaks."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from pgvoice.cli.serve.api.shapes.fields import Page, Shown, Similarity
from pgvoice.cli.serve.api.shapes.library import Required


class Suggestion(Shown):
    """Who may speak in a segment in which nobody is named, and who may speak there instead."""

    name: str
    similarity: Similarity
    rival: str | None
    rival_similarity: Similarity


class Answer(Shown):
    """Who speaks in a segment, or why nobody is named; the columns of `pgvoice.identify`."""

    start: float = Field(description="In seconds.", examples=[10.6])
    end: float = Field(description="In seconds.", examples=[14.7])
    label: str | None = Field(description="The diarizer's label.", examples=["SPEAKER_00"])
    speaker: str | None = Field(description="The name; null if nobody is named.")
    voice: str | None = Field(description="The unknown voice, if asked for.", examples=["voice 12"])
    nearest: str | None = Field(description="The most similar person, named or not.")
    similarity: Similarity
    runner_up: str | None
    runner_up_similarity: Similarity
    margin: Similarity
    reason: str = Field(description="Why this name, or why none.", examples=["matched"])
    suggestion: Suggestion | None
    threshold: float | None = Field(description="The similarity that the name requires.")
    min_margin: float | None
    threshold_source: str | None


class ClusterPart(Shown):
    """One person's part of a label's speech."""

    speaker: str | None = Field(description="Null for nobody known.")
    segments: int
    seconds: float = Field(description="In seconds.")


class Cluster(Shown):
    """Who speaks under a label of the diarizer."""

    cluster: str = Field(examples=["SPEAKER_00"])
    parts: list[ClusterPart]


class Answers(Page[Answer]):
    """Who speaks in a recording."""

    video: str
    required: Required
    clusters: list[Cluster]


class LabelShown(Shown):
    """The current label of a segment."""

    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    speaker: str | None = Field(description="Null for nobody known.")
    similarity: Similarity
    runner_up: str | None
    margin: Similarity
    reason: str = Field(examples=["matched"])
    pinned: bool = Field(description="Whether a person said so.")
    encoder: str
    run: int
    labelled_at: datetime


class Run(Shown):
    """The labels that one command stored."""

    id: int
    kind: str = Field(description="label, relabel or pin.", examples=["label"])
    encoder: str
    threshold: float | None
    margin: float | None
    calibration: int | None
    changed: int = Field(description="Labels that the run stored.")
    current: int = Field(description="How many of these are current.")
    created_at: datetime
    reverted_at: datetime | None


class SpeakerTime(Shown):
    """How long somebody speaks in a recording."""

    speaker: str | None = Field(description="Null for nobody known.")
    video: str
    segments: int
    seconds: float = Field(description="In seconds.")
    encoder: str


class Span(Shown):
    """A part of a recording."""

    start: float = Field(description="In seconds.", validation_alias="start_s")
    end: float = Field(description="In seconds.", validation_alias="end_s")


class Word(Shown):
    """What somebody said of spans of a recording."""

    spans: list[Span]
    holds: bool = Field(description="Whether it says who speaks, or who does not.")
    speaker: str | None
    unknown_voice: int | None
    author: str = Field(description="The user of the database.")
    said_at: datetime
    act: int | None


class Appearance(Shown):
    """A segment in which identification hears a person."""

    video: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    similarity: Similarity
    runner_up: str | None
    runner_up_similarity: Similarity
    margin: Similarity
    encoder: str


class FoundTurn(Shown):
    """A turn whose text was searched for."""

    video: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    label: str | None
    speaker: str | None
    voice: int | None = Field(description="Without a speaker, the number of the unknown voice.")
    text: str
    encoder: str | None = Field(description="Whose labels and voices these are.")
