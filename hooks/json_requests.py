"""Requests and answers as JSON documents, for pipelines in any language."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from pgvoice.hooks.answers import Labelled
from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.fill.report import FillReport
from pgvoice.hooks.pipeline import Pipeline, PipelineResult
from pgvoice.store.errors import PgvoiceError

logger = logging.getLogger(__name__)

#: Of the documents; another one will be another shape.
VERSION: Literal[1] = 1
#: The longest document that is read, in bytes.
LONGEST = 64 << 20

Key = Annotated[str, Meta(min_length=1, description="Your own name for the recording.")]
Similarity = Annotated[float, Meta(ge=-1, le=1, description="Cosine similarity; no probability.")]


class Segment(Struct):
    """A segment; fields that are not named here are given back as they came."""

    start: Annotated[float, Meta(description="Seconds.")]
    end: Annotated[float, Meta(description="Seconds.")]
    speaker: Annotated[str | None, Meta(description="The diarizer's label.")] = None
    label: Annotated[str | None, Meta(description="The same, where there is no speaker.")] = None
    text: str | None = None


class Options(Struct, forbid_unknown_fields=True):
    """What may be chosen for one request."""

    threshold: Similarity | None = None
    min_margin: Annotated[float, Meta(ge=0, le=2)] | None = None
    clusters: Annotated[bool, Meta(description="Hear segments of one label together.")] = False
    on_audio_change: Literal["raise", "keep", "replace"] = "raise"


class Request(Struct):
    """The question who speaks in some segments of a recording."""

    version: Literal[1]
    video: Key
    segments: list[Segment]
    audio: (
        Annotated[str, Meta(description="A file; unset, the audio sources are asked.")] | None
    ) = None
    options: Options = msgspec.field(default_factory=Options)


class AnsweredSegment(Struct):
    """A segment of the request with its answer; the fields of the request stay."""

    start: float
    end: float
    label: Annotated[str | None, Meta(description="The diarizer's label.")]
    speaker: Annotated[str | None, Meta(description="The name; null where nobody is named.")]
    nearest: Annotated[str | None, Meta(description="The closest person, named or not.")]
    similarity: Similarity | None
    runner_up: str | None
    runner_up_similarity: Similarity | None
    margin: float | None
    reason: Annotated[str, Meta(description="matched, or why nobody is named.")]


class Part(Struct):
    """What one person has of a cluster; null is nobody known."""

    speaker: str | None
    segments: int
    seconds: float


class Cluster(Struct):
    """Who a diarizer's label is of."""

    cluster: str
    parts: list[Part]


class Fill(Struct):
    """What the store had, and what was computed."""

    requested: int
    hits: int
    missing: int
    filled: int
    skipped: dict[str, int]


class Answer(Struct):
    """Who speaks in the segments of a request, in its order."""

    version: Literal[1]
    video: str
    encoder: str
    segments: list[AnsweredSegment]
    clusters: list[Cluster]
    fill: Fill


class Problem(Struct):
    """What is the matter; `kind` is for programs."""

    kind: str
    message: str


class Failure(Struct):
    """The answer to a request that failed; its other fields stay, so that it can be told."""

    version: Literal[1]
    error: Problem


class Reply(NamedTuple):
    """One JSON document without line breaks, and how the request went."""

    document: bytes
    #: 0 answered, 1 failed, 2 no request.
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
    """The answer to a request, or the failure; nothing is raised but what ends a process.

    What libraries print goes to standard error.
    """
    given: dict[str, Any] = {}
    try:
        given = _decoded(request)
        asked = _asked(given)
    except FormatError as error:
        return _failed("bad_request", str(error), 2, given)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = _run(pipeline, asked, given["segments"])
        return Reply(msgspec.json.encode(_answer(asked, given, result)), 0)
    except (PgvoiceError, ValueError, OSError, MemoryError) as error:
        return _failed(_kind(error), str(error) or type(error).__name__, 1, given)
    except Exception as error:
        logger.exception("a request about %r failed", asked.video)
        return _failed("internal", f"{type(error).__name__}: {error}", 1, given)


def failed(error: Exception) -> Reply:
    """The failure of what comes before any request."""
    return _failed(_kind(error), str(error), 1, {})


def _decoded(request: bytes) -> dict[str, Any]:
    if len(request) > LONGEST:
        raise FormatError(f"the request is longer than {LONGEST >> 20} MB: split it")
    try:
        given = msgspec.json.decode(request)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"the request is no JSON document: {error}") from error
    except RecursionError as error:
        raise FormatError("the request is nested too deep") from error
    if not isinstance(given, dict):
        raise FormatError("the request is no JSON object: see `pgvoice hook --schema`")
    return given


def _asked(given: dict[str, Any]) -> Request:
    version = repr(given["version"]) if "version" in given else "missing"
    if given.get("version") != VERSION:
        raise FormatError(f'version is {version[:60]}: this is version 1, so ask with "version": 1')
    try:
        return msgspec.convert(given, Request)
    except msgspec.ValidationError as error:
        raise FormatError(f"{error}: see `pgvoice hook --schema`") from error


def _run(pipeline: Pipeline, asked: Request, segments: list[Any]) -> PipelineResult:
    options = asked.options
    return pipeline.run(
        asked.video,
        asked.audio,
        segments,
        threshold=options.threshold,
        min_margin=options.min_margin,
        clusters=options.clusters,
        on_audio_change=options.on_audio_change,
    )


def _answer(asked: Request, given: dict[str, Any], result: PipelineResult) -> dict[str, Any]:
    return _kept(given) | {
        "encoder": str(result.report.encoder),
        "segments": [
            raw | _answered(label)
            for raw, label in zip(given["segments"], result.labels, strict=True)
        ],
        "clusters": msgspec.to_builtins(result.clusters),
        "fill": _fill(result.report),
    }


def _kept(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("audio", "options")}


def _answered(label: Labelled) -> dict[str, Any]:
    answer = label.identification
    figures = ("nearest", "similarity", "runner_up", "runner_up_similarity", "margin")
    return {
        "label": label.segment.label,
        "speaker": label.speaker,
        **{name: getattr(answer, name, None) for name in figures},
        "reason": label.reason,
    }


def _fill(report: FillReport) -> dict[str, Any]:
    run = report.run
    return {
        "requested": run.requested,
        "hits": run.hits,
        "missing": report.missing,
        "filled": run.filled,
        "skipped": dict(run.skipped),
    }


def _kind(error: Exception) -> str:
    """The name of the error's class, such as ``audio_not_found``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()


def _failed(kind: str, message: str, exit_code: int, given: dict[str, Any]) -> Reply:
    failure = msgspec.to_builtins(Failure(VERSION, Problem(kind, message)))
    kept = {name: value for name, value in _kept(given).items() if name != "segments"}
    return Reply(msgspec.json.encode(kept | failure), exit_code)
