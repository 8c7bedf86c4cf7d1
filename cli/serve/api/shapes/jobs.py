"""Fills as jobs, and what happens in the library."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from pgvoice.cli.serve.api.shapes.fields import (
    Asked,
    Label,
    Phrase,
    Shown,
    Text,
    Video,
)
from pgvoice.cli.serve.api.shapes.fields import End as _End
from pgvoice.cli.serve.api.shapes.fields import Start as _Start
from pgvoice.store.names import MAX_LENGTH

#: Without other weights after a colon, which would be a file or a place on the network.
_Named = Annotated[
    str,
    Field(min_length=1, max_length=MAX_LENGTH, pattern=r"^[^\x00:]*[^\s\x00:][^\x00:]*$"),
]
EncoderName = Annotated[
    _Named,
    Field(
        description="An encoder, by name; by default that of PGVOICE_ENCODER.",
        examples=["campplus"],
    ),
]
SegmenterName = Annotated[
    _Named,
    Field(
        description="A segmenter, by name; by default that of PGVOICE_SEGMENTER.",
        examples=["pyannote-3.0"],
    ),
]


class SegmentGiven(Asked):
    """A segment of speech."""

    start: _Start
    end: _End
    label: Label | None = Field(None, description="The diarizer's.")
    text: Text | None = None


class DocumentGiven(Asked):
    """A file of segments, as text."""

    text: Annotated[str, Field(min_length=1, max_length=8_000_000)]
    format: Annotated[
        Phrase | None, Field(description="By default the content decides.", examples=["rttm"])
    ] = None
    uri: Annotated[
        Phrase | None, Field(description="Which recording of a file that covers several.")
    ] = None


class Fill(Asked):
    """Compute the vectors that a recording is missing.

    The audio is found by the recording's key, as `pgvoice fill` does without AUDIO.
    """

    video: Video
    segments: Annotated[
        list[SegmentGiven] | DocumentGiven | None,
        Field(
            description="Segments, or a document. Without either, the stored turns are filled if"
            " they were given or if the segmenter found them; otherwise it finds them first."
        ),
    ] = None
    encoder: EncoderName | None = None
    segmenter: SegmenterName | None = None
    on_turns: Literal["replace", "add", "ignore"] = "replace"
    on_audio_change: Literal["raise", "keep", "replace"] = "raise"


class InvalidRow(Shown):
    """A segment that is not a span of time."""

    index: int
    why: str


class Report(Shown):
    """What a fill found and did."""

    requested: int = Field(description="Distinct segments.")
    clean_parts: int = Field(description="Of them, clean parts of overlapped turns.")
    hits: int = Field(description="Stored before.")
    missing: int
    filled: int = Field(description="Vectors computed.")
    skipped: dict[str, int] = Field(description="Segments without a vector, by status.")
    encoder_calls: int
    segmenter: str | None = Field(description="What found the turns; null if they were given.")
    segment_seconds: float = Field(description="Spent to find them, besides decoding.")
    invalid: list[InvalidRow]


class Job(Shown):
    """A fill, as far as it is."""

    job: int
    video: str
    encoder: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    completed: int = Field(description="Missing segments that are done.")
    total: int = Field(description="Missing segments; 0 until that is known.")
    segmented_seconds: float = Field(description="Of the audio; 0 if it is not segmented.")
    audio_seconds: float = Field(description="To be segmented; 0 if it is not.")
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    report: Report | None
    error: dict[str, Any] | None = Field(description="Why it failed, as a problem document.")


class Happening(Shown):
    """Something that happened in the library."""

    kind: Literal["filled", "named", "heard", "reconnected"]
    video: str | None
    speaker: str | None
    voice: int | None = Field(description="The number of an unknown voice.")
    at: datetime
