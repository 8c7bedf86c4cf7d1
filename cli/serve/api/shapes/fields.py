"""The kinds of values in the API's documents, with their limits and units."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from pgvoice.store.keys import MAX_SECONDS
from pgvoice.store.names import MAX_LENGTH

Item = TypeVar("Item")
#: Text that is not blank, and that Postgres can store.
_NAME = r"^[^\x00]*[^\s\x00][^\x00]*$"
_TEXT = r"^[^\x00]*$"
#: The largest integer that every reader of JSON reads exactly.
_LARGEST = (1 << 53) - 1
#: Years that every step can represent, in any zone.
_YEARS = range(1900, 9000)


class Shown(BaseModel):
    """Base of what is answered; read from the store's own objects."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """Base of what is asked: nothing else is accepted, nor values of other types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Page(Shown, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: Annotated[
        str | None,
        Field(description="The cursor of the next page; null if this is the last one."),
    ]


def _text(given: object) -> object:
    if not isinstance(given, str):
        raise ValueError("give a time as text, such as 2026-03-01T12:00:00Z")
    return given


def _whole(given: object) -> object:
    """JSON has one kind of number, so 2.0 is an integer."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


def _usual(moment: AwareDatetime) -> AwareDatetime:
    if moment.year not in _YEARS:
        raise ValueError(f"the year must be from {_YEARS.start} to {_YEARS.stop - 1}")
    return moment


def _name(description: str, example: str) -> Any:
    return Field(
        min_length=1,
        max_length=MAX_LENGTH,
        pattern=_NAME,
        description=description,
        examples=[example],
    )


Video = Annotated[str, _name("The recording's key: your own name for it.", "talk")]
Name = Annotated[str, _name("A person's name.", "Ada")]
Label = Annotated[str, _name("The diarizer's label.", "SPEAKER_00")]
Encoder = Annotated[
    str,
    _name(
        "An encoder, by name or name@revision; by default the one that answers.",
        "campplus",
    ),
]
#: Prose of a person or of a pipeline.
Text = Annotated[str, Field(max_length=10_000, pattern=_TEXT)]
Phrase = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH, pattern=_NAME)]
Number = Annotated[int, Field(ge=1, le=_LARGEST, examples=[2]), BeforeValidator(_whole)]
Seconds = Annotated[
    float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False, description="In seconds.")
]
Start = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        description="In seconds from the start of the recording.",
        examples=[10.6],
    ),
]
End = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        description="In seconds from the start of the recording.",
        examples=[14.7],
    ),
]
Threshold = Annotated[
    float,
    Field(
        ge=-1,
        le=1,
        allow_inf_nan=False,
        description="The cosine similarity that a name requires; by default the store's own.",
        examples=[0.5],
    ),
]
Margin = Annotated[
    float,
    Field(
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="The distance to the runner-up that a name requires.",
        examples=[0.05],
    ),
]
#: As it is shown: two digits for those who may not see vectors.
Similarity = Annotated[
    float | None,
    Field(
        description="Cosine similarity in [-1, 1]; no probability. Two digits unless the user of"
        " the database may see vectors.",
        examples=[0.73],
    ),
]
Moment = Annotated[
    AwareDatetime,
    Field(strict=False, examples=["2026-03-01T12:00:00Z"]),
    BeforeValidator(_text),
    AfterValidator(_usual),
]
DryRun = Annotated[
    bool, Field(description="Change nothing, and answer what would change.", examples=[True])
]
Force = Annotated[
    bool,
    Field(description="Override the checks of the voice and of the duration; not the consent's."),
]
