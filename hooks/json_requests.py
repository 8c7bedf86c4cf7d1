"""Requests and answers as JSON documents, for pipelines in any language."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, NamedTuple

import msgspec

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.json_documents import (
    BAD_REQUEST,
    INTERNAL,
    VERSION,
    Answer,
    AnsweredSegment,
    Failure,
    Fill,
    Invalid,
    Problem,
    Request,
    kind_of,
)
from pgvoice.hooks.pipeline import Pipeline, PipelineResult
from pgvoice.hooks.results import Labelled
from pgvoice.store.errors import PgvoiceError

logger = logging.getLogger(__name__)

#: The longest document that is read, in bytes.
LONGEST = 64 << 20


class Reply(NamedTuple):
    """One JSON document without line breaks, and the result of the request."""

    document: bytes
    #: 0 answered, 1 failed, 2 not a valid request, 3 some segments are not spans of time.
    exit_code: int


def reply(pipeline: Pipeline, request: bytes) -> Reply:
    """The answer to a request, or its failure; only what ends a process is raised.

    Libraries that print do so on standard error.
    """
    given: dict[str, Any] = {}
    try:
        given = _decoded(request)
        asked = _validated(given)
    except FormatError as error:
        return _failed(BAD_REQUEST, str(error), 2, given)
    options = asked.options
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = pipeline.run(
                asked.video,
                asked.audio,
                given.get("segments"),
                threshold=options.threshold,
                min_margin=options.min_margin,
                clusters=options.clusters,
                speakers=options.speakers,
                one_label_one_name=options.one_label_one_name or None,
                voices=options.voices or None,
                segmenter=options.segmenter,
                on_audio_change=options.on_audio_change,
                on_turns=options.on_turns,
            )
        return Reply(msgspec.json.encode(_answer(given, result)), 3 if result.invalid else 0)
    except (PgvoiceError, ValueError, OSError, MemoryError) as error:
        return _failed(kind_of(error), str(error) or type(error).__name__, 1, given)
    except Exception as error:
        logger.exception("a request for %r failed", asked.video)
        return _failed(INTERNAL, f"{type(error).__name__}: {error}", 1, given)


def failed(error: Exception) -> Reply:
    """The failure of a step before any request."""
    return _failed(kind_of(error), str(error), 1, {})


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
        raise FormatError("the request is not a JSON object: see `pgvoice hook --schema request`")
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
        raise FormatError(f"{error}: see `pgvoice hook --schema request`") from error


def _answer(given: dict[str, Any], result: PipelineResult) -> dict[str, Any]:
    report, run = result.report, result.report.run
    raw = given.get("segments")
    if raw is None:
        raw = [_found(label) for label in result.labels]
    answer: dict[str, Any] = msgspec.to_builtins(
        Answer(
            VERSION,
            report.video,
            str(report.encoder),
            [_answered(*each) for each in zip(raw, result.labels, strict=True)],
            list(result.clusters),
            [Invalid(error.index, error.why) for error in result.invalid],
            Fill(
                run.requested,
                report.clean_parts,
                run.hits,
                report.missing,
                run.filled,
                dict(run.skipped),
                report.segmenter,
            ),
        )
    )
    segments = [before | after for before, after in zip(raw, answer["segments"], strict=True)]
    kept = {name: value for name, value in _kept(given).items() if name != "error"}
    return kept | answer | {"segments": segments}


def _found(label: Labelled) -> dict[str, Any]:
    """A segment that was not in the request, as if it had been."""
    turn = label.segment
    found = {"start": turn.start, "end": turn.end}
    return found if turn.text is None else found | {"text": turn.text}


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
        voice=label.unknown_voice,
    )


def _kept(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("audio", "options")}


def _failed(kind: str, message: str, exit_code: int, given: dict[str, Any]) -> Reply:
    # Names of files need not be Unicode.
    readable = message.encode(errors="backslashreplace").decode()
    failure = msgspec.to_builtins(Failure(VERSION, Problem(kind, readable)))
    kept = {name: value for name, value in _kept(given).items() if name != "segments"}
    return Reply(msgspec.json.encode(kept | failure), exit_code)
