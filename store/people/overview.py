"""People as a list shows them: exemplars, speech, consent, and whom each resembles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, text

from pgvoice.store.recordings.encoders import ASKED, ENCODER_LABEL

#: By name; most speech; heard last; most exemplars; lowest cohesion; most like somebody else; the
#: consent that ends first.
PeopleOrder = Literal["name", "speech", "heard", "exemplars", "cohesion", "resemblance", "consent"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of a recording to listen to, in seconds."""

    video: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a name."""

    speaker: str
    #: Exemplars in profiles, and those that are left out.
    exemplars: int
    excluded: int
    #: Audio in the profile, in seconds.
    exemplar_seconds: float
    #: Of that profile; None if there is none.
    cohesion: float | None
    #: By the current labels.
    segments: int
    seconds: float
    recordings: int
    #: When the recording was added in which they are heard that was added last.
    heard_at: datetime | None
    last_video: str | None
    #: ``valid``, ``not required``, ``missing``, ``expired`` or ``withdrawn``; for readers ``valid``
    #: or ``ended``.
    consent: str
    #: None if the consent is missing, or has no end.
    valid_until: datetime | None
    #: The person with the most similar profile.
    nearest_other: str | None
    nearest_similarity: float | None
    #: Whether the two are so similar that they could be one person.
    resembles: bool
    #: The unknown voices for which the person is suggested.
    suggested: tuple[int, ...]
    #: None if there is nothing to listen to in the recordings of the store.
    sample: Sample | None
    #: Whose exemplars, labels and voices these are; None while the store has no encoder.
    encoder: str | None

    @property
    def may_be_named(self) -> bool:
        """Whether the person's consents allow it now."""
        return self.consent in ("valid", "not required")


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some of the people, and how many there are."""

    people: tuple[Person, ...]
    total: int


@dataclass(frozen=True, slots=True)
class SimilarPerson:
    """Somebody whose profile is similar to a person's."""

    speaker: str
    similarity: float
    #: Whether the two are so similar that they could be one person.
    resembles: bool
    sample: Sample | None
    #: Whose vectors were compared.
    encoder: str


@dataclass(frozen=True, slots=True)
class HeardIn:
    """A recording in which somebody is heard, by the current labels."""

    video: str
    #: Length of the recording in seconds; None until audio was read.
    duration: float | None
    added_at: datetime
    segments: int
    seconds: float
    #: Mean of the labels'.
    similarity: float | None
    #: Start and end of each segment, in seconds.
    spans: tuple[tuple[float, float], ...]
    #: Whose labels these are.
    encoder: str


@dataclass(frozen=True, slots=True)
class HeardPage:
    """Some of the recordings in which somebody is heard, and how many there are."""

    recordings: tuple[HeardIn, ...]
    total: int


_SAMPLE = ("sample_video", "sample_start_s", "sample_end_s")
_PERSON = tuple(field.name for field in fields(Person))[:-2]
_PEOPLE = text(
    f"SELECT {', '.join((*_PERSON, *_SAMPLE))}, {ENCODER_LABEL}, total"  # noqa: S608 - of constants
    " FROM pgvoice.people(:part, CAST(:names AS text[]), :ordered, :max_rows, :skipped,"
    f" {ASKED})"
)
_SIMILAR = text(
    f"SELECT s.*, {ENCODER_LABEL} FROM"  # noqa: S608 - of constants
    f" pgvoice.similar_people(:speaker, :max_rows, {ASKED}) AS s"
)
_HEARD = text(
    f"SELECT r.*, {ENCODER_LABEL} AS encoder FROM"  # noqa: S608 - of constants
    f" pgvoice.speaker_recordings(:speaker, :max_rows, :skipped, {ASKED}) AS r"
)


def people(
    connection: Connection,
    part: str | None,
    names: Iterable[str] | None,
    order: PeopleOrder,
    limit: int | None,
    skip: int,
    encoder_id: int | None,
) -> PeoplePage:
    """Some of the people, in an order."""
    values = {
        "part": part or None,
        "names": None if names is None else list(names),
        "ordered": order,
        "max_rows": limit,
        "skipped": skip,
        "encoder": encoder_id,
    }
    rows = connection.execute(_PEOPLE, values).all()
    found = [
        Person(*(*row[: len(_PERSON) - 1], tuple(row.suggested), _sample(*row[-5:-2]), row[-2]))
        for row in rows
    ]
    return PeoplePage(tuple(found), rows[0].total if rows else 0)


def similar(
    connection: Connection, name: str, limit: int, encoder_id: int | None
) -> list[SimilarPerson]:
    """The people who are most similar to one."""
    values = {"speaker": name, "max_rows": limit, "encoder": encoder_id}
    rows = connection.execute(_SIMILAR, values)
    return [SimilarPerson(*(*row[:3], _sample(*row[3:-1]), row[-1])) for row in rows]


def heard(
    connection: Connection, name: str, limit: int | None, skip: int, encoder_id: int | None
) -> HeardPage:
    """The recordings in which somebody is heard, those that were added last first."""
    values = {"speaker": name, "max_rows": limit, "skipped": skip, "encoder": encoder_id}
    rows = connection.execute(_HEARD, values).all()
    found = [HeardIn(*(*row[:6], _spans(row.starts_ms, row.ends_ms), row.encoder)) for row in rows]
    return HeardPage(tuple(found), rows[0].total if rows else 0)


def _spans(starts_ms: list[int], ends_ms: list[int]) -> tuple[tuple[float, float], ...]:
    both = zip(starts_ms, ends_ms, strict=True)
    return tuple((start / 1000, end / 1000) for start, end in both)


def _sample(video: str | None, start: float, end: float) -> Sample | None:
    return None if video is None else Sample(video, start, end)
