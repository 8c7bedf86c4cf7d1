"""Requests and answers as JSON documents, for pipelines in any language."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.pipeline import Pipeline, PipelineResult
from pgvoice.hooks.results import Labelled
from pgvoice.store.answers.clusters import ClusterSummary
from pgvoice.store.errors import PgvoiceError
from pgvoice.store.recordings.turns import OnTurns
from pgvoice.store.recordings.videos import OnAudioChange

logger = logging.getLogger(__name__)

#: Of the documents; another version will have another shape.
VERSION: Literal[1] = 1
#: The longest document that is read, in bytes.
LONGEST = 64 << 20

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
    on_audio_change: OnAudioChange = "raise"
    on_turns: OnTurns = "replace"


class Request(Struct):
    """The question who speaks in segments of a recording."""

    version: Literal[1]
    video: Key
    segments: list[Segment]
    audio: (
        Annotated[str, Meta(description="A file; without it the audio sources find one.")] | None
    ) = None
    options: Options = msgspec.field(default_factory=Options)


class AnsweredSegment(Struct):
    """A segment with its answer, beside the fields of the request."""

    start: float
    end: float
    label: Annotated[str | None, Meta(description="The diarizer's label.")]
    speaker: Annotated[str | None, Meta(description="The name; null if nobody is named.")]
    nearest: Annotated[str | None, Meta(description="The closest person, named or not.")]
    similarity: Similarity | None
    runner_up: str | None
    runner_up_similarity: Similarity | None
    margin: float | None
    reason: Annotated[str, Meta(description="matched, or why nobody is named.")]


class Fill(Struct):
    """How many segments were stored before, and how many were computed."""

    requested: int
    hits: int
    missing: int
    filled: int
    skipped: dict[str, int]


class Answer(Struct):
    """Who speaks in the segments of a request, in the request's order."""

    version: Literal[1]
    video: str
    encoder: str
    segments: list[AnsweredSegment]
    clusters: list[ClusterSummary]
    fill: Fill


class Problem(Struct):
    """What went wrong; `kind` is for programs."""

    kind: str
    message: str


class Failure(Struct):
    """The answer to a request that failed, beside the request's fields, which identify it."""

    version: Literal[1]
    error: Problem


class Reply(NamedTuple):
    """One JSON document without line breaks, and the result of the request."""

    document: bytes
    #: 0 answered, 1 failed, 2 not a valid request.
    exit_code: int


def schema() -> bytes:
    """The JSON Schema (draft 2020-12) of requests, answers and failures."""
    shapes, definitions = msgspec.json.schema_components(
        (Request, Answer, Failure), ref_template="#/$defs/{name}"
    )
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"pgvoice hook, version {VERSION}",
        "oneOf": list(shapes),
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def reply(pipeline: Pipeline, request: bytes) -> Reply:
    """The answer to a request, or its failure; only what ends a process is raised.

    Libraries that print do so on standard error.
    """
    given: dict[str, Any] = {}
    try:
        given = _decoded(request)
        asked = _validated(given)
    except FormatError as error:
        return _failed("bad_request", str(error), 2, given)
    options = asked.options
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = pipeline.run(
                asked.video,
                asked.audio,
                given["segments"],
                threshold=options.threshold,
                min_margin=options.min_margin,
                clusters=options.clusters,
                on_audio_change=options.on_audio_change,
                on_turns=options.on_turns,
            )
        return Reply(msgspec.json.encode(_answer(given, result)), 0)
    except (PgvoiceError, ValueError, OSError, MemoryError) as error:
        return _failed(_kind(error), str(error) or type(error).__name__, 1, given)
    except Exception as error:
        logger.exception("a request for %r failed", asked.video)
        return _failed("internal", f"{type(error).__name__}: {error}", 1, given)


def failed(error: Exception) -> Reply:
    """The failure of a step before any request."""
    return _failed(_kind(error), str(error), 1, {})


def _decoded(request: bytes) -> dict[str, Any]:
    if len(request) > LONGEST:
        raise FormatError(f"the request is longer than {LONGEST >> 20} MB: split it")
    try:
        given = msgspec.json.decode(request)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"the request is not a JSON document: {error}") from error
    except RecursionError as error:
        raise FormatError("the request is nested too deeply") from error
    if not isinstance(given, dict):
        raise FormatError("the request is not a JSON object: see `pgvoice hook --schema`")
    return given


def _validated(given: dict[str, Any]) -> Request:
    if given.get("version") != VERSION:
        version = repr(given["version"])[:60] if "version" in given else "missing"
        raise FormatError(
            f'version is {version}: only version 1 is supported, so send "version": 1'
        )
    try:
        return msgspec.convert(given, Request)
    except msgspec.ValidationError as error:
        raise FormatError(f"{error}: see `pgvoice hook --schema`") from error


def _answer(given: dict[str, Any], result: PipelineResult) -> dict[str, Any]:
    report, raw = result.report, given["segments"]
    run = report.run
    answer: dict[str, Any] = msgspec.to_builtins(
        Answer(
            VERSION,
            report.video,
            str(report.encoder),
            [_answered(*each) for each in zip(raw, result.labels, strict=True)],
            list(result.clusters),
            Fill(run.requested, run.hits, report.missing, run.filled, dict(run.skipped)),
        )
    )
    segments = [before | after for before, after in zip(raw, answer["segments"], strict=True)]
    return _kept(given) | answer | {"segments": segments}


def _answered(raw: dict[str, Any], label: Labelled) -> AnsweredSegment:
    answer = label.identification
    return AnsweredSegment(
        raw["start"],
        raw["end"],
        label=label.segment.label,
        speaker=label.speaker,
        nearest=answer.nearest if answer else None,
        similarity=label.similarity,
        runner_up=answer.runner_up if answer else None,
        runner_up_similarity=answer.runner_up_similarity if answer else None,
        margin=answer.margin if answer else None,
        reason=label.reason,
    )


def _kept(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("audio", "options")}


def _kind(error: Exception) -> str:
    """The name of the error's class, such as ``audio_not_found``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()


def _failed(kind: str, message: str, exit_code: int, given: dict[str, Any]) -> Reply:
    # Names of files need not be Unicode.
    readable = message.encode(errors="backslashreplace").decode()
    failure = msgspec.to_builtins(Failure(VERSION, Problem(kind, readable)))
    kept = {name: value for name, value in _kept(given).items() if name != "segments"}
    return Reply(msgspec.json.encode(kept | failure), exit_code)
