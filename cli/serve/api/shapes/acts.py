"""Acts, the audit trail, and what changes labels."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from pgvoice.cli.serve.api.shapes.enrolling import OfSpeech
from pgvoice.cli.serve.api.shapes.fields import (
    Asked,
    DryRun,
    Encoder,
    Margin,
    Name,
    Number,
    Shown,
    Threshold,
    Video,
)
from pgvoice.cli.serve.api.shapes.voices import LabelMove


class Act(Shown):
    """What a person did in one step."""

    number: int
    at: datetime
    author: str = Field(description="The user of the database.")
    on_behalf_of: str | None = Field(description="For whom that user says that it was done.")
    kind: str = Field(examples=["name"])
    subject: str
    details: dict[str, Any]
    changed: dict[str, int] = Field(description="Rows of each table.")
    undone_at: datetime | None
    undone_by: str | None
    undone_on_behalf_of: str | None
    final_because: str | None = Field(description="Why it cannot be undone any more.")


class Undone(Shown):
    """An act that was undone, or would be."""

    number: int
    kind: str
    subject: str
    restored: dict[str, int] = Field(description="Rows of each table that are as they were.")
    left_out: dict[str, int] = Field(description="Rows that were erased or changed since.")


class AuditEvent(Shown):
    """Something that was done with voiceprints."""

    id: int
    at: datetime
    actor: str = Field(description="The user of the database.")
    on_behalf_of: str | None = Field(description="For whom that user says that it was done.")
    action: str
    subject: str
    details: dict[str, Any]


class Relabelling(Shown):
    """What a run of labels changed, or would change."""

    run: int | None = Field(description="Null if nothing was stored.")
    segments: int
    seconds: float = Field(description="In seconds.")
    speakers: int
    changed: int = Field(description="Labels that are new or different.")
    left_pinned: int = Field(description="Labels that stay because somebody said so.")
    moves: list[LabelMove]
    pinned: list[LabelMove]


class Pinned(Shown):
    """What was said of segments."""

    run: int | None = Field(description="Null if no label changed.")


class Unpinned(Shown):
    """What was forgotten."""

    segments: int


class Reverted(Shown):
    """A run that was taken back."""

    run: int
    labels: int = Field(description="Labels of it that were current.")


class Undo(Asked):
    """Take an act back; without a number, the newest that can be."""

    act: Number | None = None
    dry_run: DryRun = False


class LabelRun(Asked):
    """Store who speaks in recordings, or judge again what is labelled."""

    videos: Annotated[
        list[Video] | None, Field(max_length=10_000, description="By default all.")
    ] = None
    encoder: Encoder | None = None
    threshold: Threshold | None = None
    min_margin: Margin | None = None
    clusters: bool = Field(True, description="Judge turns of one label together.")
    speakers: Annotated[
        list[Name] | None,
        Field(max_length=10_000, description="The only people who can be named."),
    ] = None
    one_label_one_name: bool = False
    dry_run: DryRun = False


class Pin(OfSpeech):
    """Say who speaks in spans or under a label of a recording, or who does not."""

    speaker: Annotated[Name | None, Field(description="Null: nobody known.")]
    holds: bool = Field(True, description="False: this person does not speak there.")
    new: bool = Field(False, description="The name is new, and meant so.")
    encoder: Encoder | None = None


class Unpin(OfSpeech):
    """Forget what was said of spans or labels of a recording."""

    encoder: Encoder | None = None
