"""The JSON documents of ``pgvoice hook``: their shapes, and the JSON Schemas of both."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from pgvoice.hooks import errors as hook_errors
from pgvoice.hooks.results import INVALID
from pgvoice.store import errors as store_errors
from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.answers.identify import REASONS
from pgvoice.store.errors import PgvoiceError
from pgvoice.store.recordings.turns import OnTurns
from pgvoice.store.recordings.videos import OnAudioChange

#: Of the documents; another version will have another shape.
VERSION: Literal[1] = 1
#: Errors that are not pgvoice's own, but mean that a request cannot be answered.
_OTHERS = (ValueError, OSError, MemoryError)
#: The kinds of a request that is none, and of an error that nobody foresaw.
BAD_REQUEST, INTERNAL = "bad_request", "internal"


def _name(error: type[BaseException]) -> str:
    """The name of an error's class as a kind, such as ``audio_not_found``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", error.__name__)
    return words.lower()


#: By class, the kinds of a failure that has a class.
_KINDS = {
    each: _name(each)
    for each in [*vars(store_errors).values(), *vars(hook_errors).values(), *_OTHERS]
    if isinstance(each, type) and issubclass(each, (PgvoiceError, *_OTHERS))
}
#: All kinds of failures.
KINDS = sorted({*_KINDS.values(), BAD_REQUEST, INTERNAL})


def kind_of(error: Exception) -> str:
    """The kind of the error's class, or of the nearest class above it that has one."""
    return next((_KINDS[each] for each in type(error).__mro__ if each in _KINDS), INTERNAL)


Key = Annotated[str, Meta(min_length=1, description="Your own name for the recording.")]
Similarity = Annotated[
    float, Meta(ge=-1, le=1, description="Cosine similarity; not a probability.")
]


class Segment(Struct):
    """A segment; the answer also returns its other fields as they were."""

    start: Annotated[float, Meta(description="Seconds.")]
    end: Annotated[float, Meta(description="Seconds.")]
    speaker: Annotated[str | None, Meta(description="The diarizer's label.")] = None
    label: Annotated[str | None, Meta(description="The same, used without a speaker.")] = None
    text: str | None = None


class Options(Struct, forbid_unknown_fields=True):
    """Options of one request."""

    threshold: Similarity | None = None
    min_margin: Annotated[float, Meta(ge=0, le=2)] | None = None
    clusters: Annotated[
        bool | None,
        Meta(description="Judge segments of one label together; by default if there are labels."),
    ] = None
    speakers: Annotated[
        list[str] | None,
        Meta(description="The only people who can be named; by default everybody enrolled."),
    ] = None
    one_label_one_name: Annotated[
        bool,
        Meta(description="Give each label at most one name, and each name to one label."),
    ] = False
    voices: Annotated[
        bool,
        Meta(description="Give segments in which nobody is named their unknown voice."),
    ] = False
    segmenter: (
        Annotated[
            str,
            Meta(min_length=1, description="What finds the segments of a request without any."),
        ]
        | None
    ) = None
    on_audio_change: OnAudioChange = "raise"
    on_turns: OnTurns = "replace"


class Request(Struct):
    """The question who speaks in segments of a recording, or in all of it."""

    version: Literal[1]
    video: Key
    segments: (
        Annotated[
            list[Segment],
            Meta(
                description="Without them, the stored turns are answered if they were given before;"
                " otherwise a segmenter finds them in the audio."
            ),
        ]
        | None
    ) = None
    audio: (
        Annotated[str, Meta(description="A file; without it the audio sources find one.")] | None
    ) = None
    options: Options = msgspec.field(default_factory=Options)


class AnsweredSegment(Struct):
    """A segment with its answer, beside the fields of the request if it had segments."""

    start: float
    end: float
    label: Annotated[str | None, Meta(description="The diarizer's label.")]
    speaker: Annotated[str | None, Meta(description="The name; null if nobody is named.")]
    nearest: Annotated[str | None, Meta(description="The closest person, named or not.")]
    similarity: Similarity | None
    runner_up: str | None
    runner_up_similarity: Similarity | None
    margin: float | None
    reason: Annotated[
        str,
        Meta(
            description="Why this name, or why none.",
            extra_json_schema={"enum": [*REASONS, INVALID]},
        ),
    ]
    voice: Annotated[
        str | None,
        Meta(description="The unknown voice, such as voice 12, if the request asks for voices."),
    ]


class Fill(Struct):
    """How many segments were stored before, and how many were computed.

    Turns that others overlap are requested with their clean parts. `segmenter` found the turns, now
    or before; null if they were given.
    """

    requested: int
    clean_parts: int
    hits: int
    missing: int
    filled: int
    skipped: dict[str, int]
    segmenter: str | None


class Invalid(Struct):
    """A segment that is not a span of time."""

    index: int
    why: str


class Answer(Struct):
    """Who speaks in the segments of a request, in its order, or in those that were found."""

    version: Literal[1]
    video: str
    encoder: str
    segments: list[AnsweredSegment]
    clusters: list[ClusterSummary]
    invalid: list[Invalid]
    fill: Fill


class Problem(Struct):
    """What went wrong; `kind` is for programs."""

    kind: Annotated[str, Meta(extra_json_schema={"enum": KINDS})]
    message: str


class Failure(Struct):
    """The answer to a request that failed, beside the request's fields, which identify it."""

    version: Literal[1]
    error: Problem


#: The documents that have a schema.
Document: TypeAlias = Literal["request", "answer"]


def schema(document: Document) -> bytes:
    """The JSON Schema (draft 2020-12) of requests, or of answers including failures.

    Exactly one shape fits an answer: a failure has an ``error``, an answer never has.
    """
    types = (Request,) if document == "request" else (Answer, Failure)
    shapes, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    if document == "answer":
        definitions["Answer"]["not"] = {"required": ["error"]}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"pgvoice hook, {document}, version {VERSION}",
        **({"oneOf": list(shapes)} if len(shapes) > 1 else shapes[0]),
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)
