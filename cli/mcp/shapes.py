"""The documents that tools answer with; times are in seconds, similarities in [-1, 1]."""

from __future__ import annotations

from datetime import datetime
from math import floor
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

#: The largest ``bigint`` of Postgres.
_LARGEST = (1 << 63) - 1
Number = Annotated[int, Field(ge=1, le=_LARGEST)]
Skip = Annotated[int, Field(ge=0, le=_LARGEST, description="Leave out so many; to page.")]
Limit = Annotated[int, Field(ge=1, le=200, description="At most so many.")]
Key = Annotated[str, Field(min_length=1, max_length=500)]
Video = Annotated[Key, Field(description="The recording's key, as list_recordings has it.")]
Name = Annotated[Key, Field(description="A person's name, exactly as list_people has it.")]


def _two_digits(similarity: float) -> float:
    """Rounded down, as readers get it in SQL: exact ones tell something about vectors."""
    hundredths = floor(similarity * 100)
    above = (hundredths + 1) / 100  # multiplying can round the wrong way
    return above if above <= similarity else hundredths / 100


Similarity = Annotated[float, AfterValidator(_two_digits)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False, description="In seconds.")]
Heard = Annotated[str | None, Field(description="The encoder whose vectors this is from.")]
Encoder = Annotated[
    str | None,
    Field(max_length=500, description="By name or as shown; by default the one that answers."),
]
DryRun = Annotated[
    bool,
    Field(description="True: only show what would change. Show it to your user, then call again."),
]


class Share(BaseModel):
    """How long somebody speaks in a recording."""

    name: str
    seconds: float


class Recording(BaseModel):
    """A recording, and who is labelled in it."""

    video: str = Field(description="Its key: quoted data, as its pipeline named it.")
    seconds: float | None = Field(description="Length of the audio; null until it was read.")
    turns: int
    speech_seconds: float
    named_seconds: float = Field(description="Of the speech, with a name.")
    unknown_voice_seconds: float = Field(description="Of the speech, by unknown voices.")
    speakers: list[Share] = Field(description="By stored labels, the longest first.")


class Recordings(BaseModel):
    """A page of recordings, by key."""

    encoder: Heard
    recordings: list[Recording]
    next_after: str | None = Field(description="Pass it as after for more; null: there are none.")


class Turn(BaseModel):
    """Who speaks in a part of a recording, or why nobody is named."""

    start: float
    end: float
    speaker: str | None = Field(description="The name; null if nobody is named.")
    unknown_voice: int | None = Field(description="The number of the unknown voice, if it is one.")
    label: str | None = Field(description="The diarizer's.")
    reason: str = Field(description="Why, for example matched, pinned, below_threshold, missing.")
    similarity: Similarity | None = Field(
        description="Cosine, to the nearest person; no probability."
    )
    nearest: str | None = Field(description="The most similar person, named or not.")
    text: str | None = Field(description="Quoted speech, where the store keeps text.")


class WhoSpeaks(BaseModel):
    """A page of a recording's turns, in time order."""

    video: str
    encoder: Heard
    turns: list[Turn]
    total: int = Field(description="Turns in the asked part of the recording.")
    next_skip: int | None = Field(description="Pass it as skip for more; null: there are none.")


class Person(BaseModel):
    """Somebody with a name."""

    name: str
    seconds: float = Field(description="Of speech with this name, by stored labels.")
    recordings: int
    last_video: str | None
    may_be_named: bool = Field(description="False: the consent ended, and nothing gets the name.")
    suggested_for_voices: list[int] = Field(description="Unknown voices that may be them.")


class People(BaseModel):
    """A page of people, by name."""

    encoder: Heard
    people: list[Person]
    total: int
    next_skip: int | None = Field(description="Pass it as skip for more; null: there are none.")


class Place(BaseModel):
    """Where somebody speaks."""

    video: str
    start: float
    end: float
    similarity: Similarity | None = Field(description="Cosine; null if a person said so.")


class Places(BaseModel):
    """A page of a person's appearances, by recording and time."""

    name: str
    encoder: Heard
    places: list[Place]
    next_skip: int | None = Field(description="Pass it as skip for more; null: there are none.")


class UnknownVoice(BaseModel):
    """Speech in one or more recordings by one person without a name."""

    number: int
    seconds: float = Field(description="Of clean speech.")
    recordings: int
    heard_at: datetime = Field(description="When a voice joined it last.")
    last_video: str
    nearest: str | None = Field(description="The most similar person; not who it is.")
    similarity: Similarity | None = Field(description="Cosine, to the nearest; no probability.")
    is_suggested: bool = Field(description="So similar that accept_suggestion takes nearest.")


class UnknownVoices(BaseModel):
    """A page of unknown voices, the most speech first."""

    encoder: Heard
    voices: list[UnknownVoice]
    next_skip: int | None = Field(description="Pass it as skip for more; null: there are none.")


class HeardVoice(BaseModel):
    """Where an unknown voice is heard."""

    video: str
    label: str = Field(description="The diarizer's, or ?1, ?2 where segments were grouped.")
    seconds: float = Field(description="Of clean speech.")
    first_start: float
    clip_start: float | None = Field(description="The best part to listen to, see fetch_clip.")
    clip_end: float | None
    similarity: Similarity | None = Field(description="Mean, to all of the unknown voice.")


class HeardVoices(BaseModel):
    """Where an unknown voice is heard, by recording and time."""

    number: int
    encoder: Heard
    heard: list[HeardVoice]
    next_skip: int | None = Field(description="Pass it as skip for more; null: there are none.")


class ClipCut(BaseModel):
    """What the audio beside it is; erased speech is silent in it."""

    video: str
    start: float
    end: float
    bytes: int


class Move(BaseModel):
    """Labels that change from somebody, or nobody, to somebody else."""

    from_speaker: str | None
    to_speaker: str | None
    segments: int
    seconds: float


class Done(BaseModel):
    """What an act changed, or would change."""

    is_preview: bool = Field(description="True: nothing was changed.")
    act: int | None = Field(description="For undo; null for a preview.")
    number: int = Field(description="The unknown voice.")
    name: str | None = Field(description="Who it is now, or would be.")
    voices: int = Field(description="Voices of recordings that it is about.")
    left_out: int = Field(description="Voices that do not sound enough like the others.")
    moves: list[Move] = Field(description="Labels that change.")


class Undone(BaseModel):
    """An act that was taken back, or would be."""

    is_preview: bool = Field(description="True: nothing was changed.")
    act: int
    kind: str
    subject: str
    restored: dict[str, int] = Field(description="Rows of each table that are as before.")
    left_out: dict[str, int] = Field(description="Rows that were erased or changed since.")


class Act(BaseModel):
    """What somebody did."""

    act: int
    at: datetime
    author: str = Field(description="The database user.")
    on_behalf_of: str | None = Field(description="For whom that user says to have done it.")
    kind: str
    subject: str
    is_undone: bool
    final_because: str | None = Field(description="Why it cannot be undone any more.")


class Acts(BaseModel):
    """The newest acts."""

    acts: list[Act]
