"""What is asked to change people, and what a request says of a consent and of speech."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from pgvoice.cli.serve.api.shapes.fields import (
    Asked,
    DryRun,
    Encoder,
    End,
    Force,
    Label,
    Moment,
    Name,
    Number,
    Phrase,
    Seconds,
    Start,
    Video,
)
from pgvoice.store.people.enrollments import MIN_SPEECH_SECONDS


class ConsentGiven(Asked):
    """A consent to store; a text instead says where the person's own is written down."""

    granted_by: Phrase | None = Field(None, description="By default the person.")
    purpose: Phrase = "speaker identification"
    evidence: Phrase | None = Field(None, description="Where it is written down.")
    granted_at: Moment | None = Field(None, description="By default now.")
    expires_at: Moment | None = Field(None, description="By default never.")


class SpanGiven(Asked):
    """A part of a recording."""

    start: Start
    end: End


class OfSpeech(Asked):
    """Something about spans of a recording, or about all turns with a label, or both."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["spans"]}, {"required": ["labels"]}]}
    )

    video: Video
    spans: Annotated[list[SpanGiven], Field(default_factory=list, min_length=1, max_length=1000)]
    labels: Annotated[list[Label], Field(default_factory=list, min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _has_some(self) -> Self:
        if not (self.spans or self.labels):
            raise ValueError("give spans or labels")
        return self


class Enroll(OfSpeech):
    """Enroll somebody from stored segments of a recording."""

    name: Name
    encoder: Encoder | None = None
    min_speech: Seconds = MIN_SPEECH_SECONDS
    consent: ConsentGiven | Phrase | None = None
    force: Force = False


class OfPerson(Asked):
    """Something about a person."""

    name: Name


class Rename(OfPerson):
    """Give a person another name."""

    new_name: Name


class Merge(OfPerson):
    """Make two entries of one person one."""

    into: Name
    force: Force = False
    dry_run: DryRun = False


class SplitPerson(OfPerson):
    """Give exemplars of a person to somebody else."""

    into: Name
    videos: Annotated[list[Video], Field(default_factory=list, max_length=1000)]
    exemplars: Annotated[list[Number], Field(default_factory=list, max_length=1000)]
    suggest: bool = False
    encoder: Encoder | None = None
    consent: ConsentGiven | Phrase | None = None
    force: Force = False
    dry_run: DryRun = False


class Drop(OfPerson):
    """Delete an exemplar."""

    exemplar: Number
    dry_run: DryRun = False


class DropOutliers(OfPerson):
    """Leave exemplars out that do not sound like the others."""

    encoder: Encoder | None = None
    dry_run: DryRun = False


class Restore(OfPerson):
    """Take exemplars back that were left out."""

    encoder: Encoder | None = None


class Erase(OfPerson):
    """Erase a person: voice, labels, consents, name."""

    with_segments: bool = Field(
        description="Also delete the vectors of the person's speech, of every encoder."
    )
    opt_out: bool = False
    opt_out_voice: bool = False
    dry_run: DryRun = False


class EraseRecording(Asked):
    """Erase a recording with everything about it."""

    video: Video
    dry_run: DryRun = False


class Grant(OfPerson):
    """Record that a person agreed."""

    consent: ConsentGiven | Phrase
