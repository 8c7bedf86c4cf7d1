"""People: how well they are enrolled, their consents, and what became of changes."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from pgvoice.cli.serve.api.shapes.answers import Span
from pgvoice.cli.serve.api.shapes.fields import (
    Page,
    Shown,
    Similarity,
)


class Sample(Shown):
    """A part of a recording to listen to."""

    video: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")


class Person(Shown):
    """Somebody with a name."""

    speaker: str = Field(examples=["Ada"])
    exemplars: int = Field(description="In profiles.")
    excluded: int = Field(description="Exemplars that are left out of profiles.")
    exemplar_seconds: float = Field(description="Audio in the profile, in seconds.")
    cohesion: float | None = Field(description="Mean similarity of exemplars to the profile.")
    segments: int = Field(description="By the current labels.")
    seconds: float = Field(description="Of these, in seconds.")
    recordings: int
    heard_at: datetime | None
    last_video: str | None
    consent: str = Field(
        description="valid, not required, missing, expired or withdrawn; for readers valid or"
        " ended.",
        examples=["valid"],
    )
    valid_until: datetime | None = Field(description="When the consent ends.")
    nearest_other: str | None = Field(description="The person with the most similar profile.")
    nearest_similarity: Similarity
    resembles: bool = Field(description="Whether the two could be one person.")
    suggested: list[int] = Field(description="Unknown voices that the person may be.")
    sample: Sample | None
    encoder: str | None = Field(description="Whose exemplars, labels and voices these are.")


class People(Page[Person]):
    """Some of the people, and how many there are."""

    total: int


class SimilarPerson(Shown):
    """Somebody whose profile is similar."""

    speaker: str
    encoder: str
    similarity: Similarity
    resembles: bool = Field(description="Whether the two could be one person.")
    sample: Sample | None


class HeardIn(Shown):
    """A recording in which somebody is heard, by the current labels."""

    video: str
    duration: float | None = Field(description="Length of the recording, in seconds.")
    added_at: datetime
    segments: int
    seconds: float = Field(description="In seconds.")
    similarity: Similarity
    spans: list[tuple[float, float]] = Field(description="Start and end, in seconds.")
    encoder: str


class HeardPage(Page[HeardIn]):
    """Some of the recordings in which somebody is heard, and how many there are."""

    total: int


class Exemplar(Shown):
    """A stored exemplar."""

    number: int
    encoder: str
    video: str | None = Field(description="The recording of the store with this audio.")
    source: str = Field(description="The recording's key, or the file.")
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    similarity: Similarity
    left_out_similarity: Similarity
    quality: float | None = Field(description="Share of the span with speech, in [0, 1].")
    excluded: bool = Field(description="Whether it is left out of the profile.")
    outlying: bool = Field(description="Whether `drop_outliers` would leave it out.")


class Profile(Shown):
    """How well a person is enrolled with one encoder."""

    speaker: str
    encoder: str
    exemplars: int
    excluded: int
    outlying: int
    seconds: float = Field(description="Of audio, in seconds.")
    cohesion: float
    left_out_similarity: Similarity
    nearest_other: str | None
    nearest_similarity: Similarity


class PersonDetail(Person):
    """A person, and how well they are enrolled."""

    profiles: list[Profile]
    similar: list[SimilarPerson]


class Consent(Shown):
    """What a person agreed to."""

    granted_by: str
    purpose: str
    evidence: str | None = Field(description="Where it is written down.")
    granted_at: datetime | None
    expires_at: datetime | None
    withdrawn_at: datetime | None


class StoredConsent(Shown):
    """A consent on record."""

    speaker: str
    consent: Consent
    valid: bool


class Outlier(Shown):
    """An exemplar that does not sound like the others."""

    source: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    similarity: Similarity
    needed: float


class Outliers(Shown):
    """Exemplars that are left out of a profile, or would be."""

    left_out: list[Outlier]


class Resolved(Shown):
    """The stored segments that a span or a label means."""

    given: tuple[float, float] | str
    segments: list[Span]


class Enrollment(Shown):
    """The outcome of an enrollment."""

    speaker: str
    added: int
    known: int = Field(description="Exemplars that the person already had.")
    exemplars: int = Field(description="Exemplars in the profile now.")
    cohesion: float | None
    encoder: str
    chosen: list[Resolved]


class MovedExemplar(Shown):
    """An exemplar that went to somebody else."""

    number: int
    encoder: str
    source: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")


class Split(Shown):
    """What splitting a person changed, or would change."""

    act: int | None = Field(description="To undo it; null if nothing was changed.")
    speaker: str
    into: str
    moved: list[MovedExemplar]
    left: int
    labels: int


class DroppedExemplar(Shown):
    """An exemplar that was deleted, or would be."""

    source: str
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    left: int = Field(description="Exemplars that are left in the profile.")


class Counted(Shown):
    """How many rows were changed."""

    exemplars: int


class Renamed(Shown):
    """The name that somebody has now."""

    act: int = Field(description="To undo it.")
    speaker: str


class Merged(Shown):
    """What merging two people changed, or would change."""

    act: int | None = Field(description="To undo it; null if nothing was changed.")
    speaker: str
    into: str
    changed: dict[str, int] = Field(description="Rows of each table.")


class ErasedRows(Shown):
    """Rows of one kind."""

    what: str
    rows: int


class Remainder(Shown):
    """Something that an erasure does not reach."""

    what: str
    remedy: str
    unfinished: bool


class Erasure(Shown):
    """What was erased, or would be, and what remains."""

    subject: str
    rows: list[ErasedRows]
    dry_run: bool
    remains: list[Remainder]
