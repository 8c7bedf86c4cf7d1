"""The published schemas accept every request that is answered, and every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.documents.hook_schemas import check, fits
from pgvoice_testkit.documents.strange_requests import failing, request
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from sqlalchemy import Connection, text

from pgvoice.hooks import Pipeline, enroll_video
from pgvoice.hooks.errors import AudioNotFound, InvalidSegments
from pgvoice.hooks.json_documents import KINDS, Answer
from pgvoice.hooks.json_requests import reply
from pgvoice.hooks.results import INVALID
from pgvoice.store import VoiceStore
from pgvoice.store.answers.identify import REASONS
from pgvoice.store.errors import PgvoiceError

#: Ada, Bob, nobody who is enrolled, silence; what is too short, beyond the end, and no span.
SEGMENTS: list[dict[str, object]] = [
    {"start": 0, "end": 2, "speaker": "S0", "text": "hi", "words": [{"word": "hi", "score": None}]},
    {"start": 4, "end": 6, "label": "S1", "similarity": "mine", "reason": 5},
    {"start": 8, "end": 10, "speaker": None},
    {"start": 12.0, "end": 14.0},
    {"start": 0, "end": 0.1},
    {"start": 90, "end": 95},
    {"start": 3, "end": 1},
    {"start": -4, "end": 1e300},
]


@pytest.fixture
def pipeline(store: VoiceStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline whose audio source has the recordings `talk` and `more`, of the same voices."""
    folder = tmp_path_factory.mktemp("audio")
    voices = [voice(110, 4), voice(310, 4, seed=1), voice(520, 4, seed=2), silence(4)]
    for name in ("talk", "more"):
        write(folder / f"{name}.wav", *voices)
    with pytest.MonkeyPatch.context() as patch, Pipeline(store, CountingEncoder()) as opened:
        patch.setenv("PGVOICE_AUDIO", str(folder))
        yield opened


def _answer(pipeline: Pipeline, **fields: object) -> dict[str, Any]:
    asked = request(segments=SEGMENTS) | fields
    check(asked, "request")
    answer: dict[str, Any] = json.loads(reply(pipeline, json.dumps(asked).encode()).document)
    check(answer, "answer")
    assert "error" not in answer
    return answer


def _reasons(answer: dict[str, Any]) -> list[str]:
    return [segment["reason"] for segment in answer["segments"]]


def test_every_answer_fits(pipeline: Pipeline, store: VoiceStore) -> None:
    asked = {"id": [7], "error": "of the caller", "fill": None}
    assert _reasons(_answer(pipeline, **asked))[:3] == ["no_profiles"] * 3
    for name, span in (("Ada", (0.0, 2.0)), ("Bob", (4.0, 6.0))):
        enroll_video(store, pipeline.encoder, name, "talk", [span], audio="filled before")
    answers = [
        _answer(pipeline, **asked),
        _answer(pipeline, segments=[]),
        _answer(pipeline, video="more", options={"threshold": 0.5, "clusters": False}),
        _answer(pipeline, options={"min_margin": 2, "clusters": True}),
        _answer(pipeline, options={"threshold": 1, "min_margin": None, "clusters": True}),
    ]
    assert answers[0]["id"] == [7]
    assert answers[0]["invalid"] == [
        {"index": 6, "why": "it ends before it starts"},
        {"index": 7, "why": "1e+300 is not a time in seconds of at most 2147483"},
    ]
    assert answers[3]["clusters"]
    assert {reason for answer in answers for reason in _reasons(answer)} == {
        *("matched", "suggested", "below_threshold", "ambiguous"),
        *("too_short", "silent", "out_of_range", "invalid"),
    }
    for segment in (segment for answer in answers for segment in answer["segments"]):
        if segment["reason"] == "suggested":
            assert segment["speaker"] is None
            assert None not in (segment["nearest"], segment["runner_up"]), "never without its rival"


def test_only_these_reasons_and_kinds_fit(pipeline: Pipeline) -> None:
    answer = _answer(pipeline)
    (segment, *_) = answer["segments"]
    for reason in (*REASONS, INVALID, "else"):
        changed = answer | {"segments": [segment | {"reason": reason}]}
        assert fits(changed, "answer") is (reason != "else")
    for kind in (*KINDS, "else"):
        failure = {"version": 1, "error": {"kind": kind, "message": ""}}
        assert fits(failure, "answer") is (kind != "else")
    assert not fits(answer | {"error": {}}, "answer")
    assert not fits(request(), "answer")


def test_no_other_reason_is_answered(connection: Connection) -> None:
    """The reasons that the SQL functions write, beside the statuses of segments."""
    sources = connection.scalars(
        text(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p WHERE p.oid::regproc::text IN"
            " ('pgvoice_internal.reason', 'pgvoice_internal.identified',"
            " 'pgvoice.identify_clusters')"
        )
    ).all()
    assert len(sources) == 3
    written = re.findall(r"(?:THEN|ELSE)\s+'([a-z_]+)'", "".join(sources))
    assert {"matched", "missing", "by_cluster", "no_profiles"} <= set(written) <= set(REASONS)


def _classes(of: type[PgvoiceError] = PgvoiceError) -> Iterator[type[PgvoiceError]]:
    yield of
    for each in of.__subclasses__():
        yield from _classes(each)


#: Those of the command line are never answers.
OURS = sorted(
    {
        each
        for each in _classes()
        if each.__module__.startswith(("pgvoice.store.", "pgvoice.hooks."))
    },
    key=lambda each: each.__name__,
)


class Elsewhere(AudioNotFound):
    """An error of a plugin."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((each.__new__(each), None) for each in OURS),
        (Elsewhere("gone"), "audio_not_found"),
        (PermissionError(13, "no"), "os_error"),
        (UnicodeDecodeError("utf-8", b"a", 0, 1, "no"), "value_error"),
        (MemoryError(), "memory_error"),
        (LookupError("x"), "internal"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_error_has_a_kind_that_fits(error: Exception, kind: str | None) -> None:
    failure = failing(error, json.dumps(request(id=1)).encode())
    check(failure, "answer")
    own = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
    assert failure["error"]["kind"] == (kind or own)


def test_all_errors_are_there() -> None:
    assert len(OURS) > 50
    assert {InvalidSegments, AudioNotFound, PgvoiceError} <= set(OURS)


REQUESTS: list[dict[str, Any]] = [
    request(version=2),
    request(segments="x"),
    request(segments=[{"start": "0", "end": 1}]),
    request(segments=[{"start": 0}]),
    request(segments=[{"start": 0, "end": 1, "text": 5}]),
    request(video=""),
    request(audio=5),
    request(options={"treshold": 0.4}),
    request(options={"threshold": 2}),
    request(options={"on_audio_change": "x"}),
    request(options=None),
    {"video": "talk", "segments": []},
]


@pytest.mark.parametrize("given", REQUESTS, ids=range(len(REQUESTS)))
def test_what_is_not_a_request_does_not_fit(given: dict[str, Any]) -> None:
    assert not fits(given, "request")
    failure = failing(LookupError(), json.dumps(given).encode())
    check(failure, "answer")
    assert failure["error"]["kind"] == "bad_request"


def test_the_fields_of_an_answer_are_documented(pipeline: Pipeline) -> None:
    assert set(Answer.__struct_fields__) == _answer(pipeline).keys()
