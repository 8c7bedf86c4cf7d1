"""``pgvoice hook``: JSON in, JSON out, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from pgvoice_testkit.documents.hook_schemas import check
from pgvoice_testkit.documents.strange_requests import SPANS, answered, request, requests
from pgvoice_testkit.segmenters import registering
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter

from pgvoice.hooks import json_documents, json_requests

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(filled: Callable[..., Result], encoder: object) -> Ask:
    """Asks ``pgvoice hook``, and checks that it prints one document and nothing else."""

    def asked(request: object, *arguments: str) -> tuple[int, dict[str, Any]]:
        text = request if isinstance(request, str) else json.dumps(request)
        result = filled("hook", *arguments, stdin=text)
        (line,) = result.stdout.splitlines()
        check(json.loads(line), "answer")
        return result.exit_code, json.loads(line)

    return asked


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> CountingSegmenter:
    """The only segmenter; its labels are people."""
    counting = CountingSegmenter()
    registering.only(monkeypatch, counting)
    return counting


def test_segments_come_back_with_their_answers(ask: Ask) -> None:
    spans = [SPANS[0] | {"words": [{"word": "hi"}], "text": "hi"}, SPANS[1]]
    code, answer = ask(request(segments=spans, id=7))
    assert code == 0
    first, second = answer["segments"]
    assert (first["speaker"], first["label"], first["reason"]) == ("Ada", "S0", "matched")
    assert (first["words"], first["text"]) == ([{"word": "hi"}], "hi")
    assert first["similarity"] == pytest.approx(1)
    assert (second["start"], second["speaker"], second["runner_up"]) == (4, "Bob", "Ada")
    assert answer["fill"] == {
        "requested": 2, "clean_parts": 0, "hits": 2, "missing": 0, "filled": 0, "skipped": {},
        "segmenter": None,
    }  # fmt: skip
    assert (answer["version"], answer["video"], answer["id"]) == (1, "talk", 7)
    assert not any("embedding" in str(value) for value in answer.values())
    msgspec.convert(answer, json_documents.Answer)


def test_what_is_missing_is_filled(ask: Ask, talk: Path) -> None:
    spans = [{"start": 8.0, "end": 10.0}]
    _, answer = ask(request(video="new", audio=str(talk), segments=spans))
    assert (answer["fill"]["filled"], answer["segments"][0]["speaker"]) == (1, "Ada")


def test_without_segments_those_that_are_found_are_answered(
    ask: Ask, talk: Path, segmenter: CountingSegmenter
) -> None:
    """With the same fields, and at the second request without audio."""
    asked = {"version": 1, "video": "new", "audio": str(talk), "id": 7}
    code, answer = ask(asked)
    assert (code, answer["id"], answer["invalid"]) == (0, 7, [])
    found = answer["segments"]
    assert [(each["start"], each["end"]) for each in found] == [(0, 4), (4, 8), (8, 12)]
    assert [each["speaker"] for each in found] == ["Ada", "Bob", "Ada"]
    assert [each["label"] for each in found] == ["110", "310", "110"]
    assert (answer["fill"]["segmenter"], answer["fill"]["filled"]) == (str(segmenter.identity), 3)
    known = asked | {"audio": "no such file", "segments": None, "options": {"segmenter": "pitches"}}
    code, again = ask(known)
    assert (code, again["segments"], segmenter.calls) == (0, found, 1)
    assert again["fill"]["hits"] == 3


def test_without_segments_the_ones_that_were_given_are_answered(
    ask: Ask, segmenter: CountingSegmenter
) -> None:
    _, answer = ask({"version": 1, "video": "talk"})
    assert [each["label"] for each in answer["segments"]] == ["S0", "S1", "S0", "S1", "S1"]
    assert (answer["fill"]["segmenter"], segmenter.calls) == (None, 0)


def test_a_segmenter_that_is_not_there(ask: Ask, talk: Path, segmenter: CountingSegmenter) -> None:
    asked = {"version": 1, "video": "new", "audio": str(talk), "options": {"segmenter": "none"}}
    code, answer = ask(asked)
    assert (code, answer["error"]["kind"]) == (1, "segmenter_unavailable")
    asked["options"] = {"on_turns": "add"}
    code, answer = ask(asked)
    assert (code, answer["error"]["kind"]) == (1, "value_error")


def test_options(ask: Ask) -> None:
    _, strict = ask(request(options={"min_margin": 2}))
    assert {segment["reason"] for segment in strict["segments"]} == {"ambiguous"}
    short = {"start": 10.0, "end": 10.2, "speaker": "S0"}
    _, answer = ask(request(segments=[*SPANS, short], options={"clusters": True}))
    assert answer["clusters"][1]["parts"] == [{"speaker": "Bob", "segments": 1, "seconds": 2.0}]
    roster = {"speakers": ["Bob"], "one_label_one_name": True}
    _, among = ask(request(options=roster))
    assert {segment["nearest"] for segment in among["segments"]} == {"Bob"}
    code, unknown = ask(request(options={"speakers": ["Zoe"]}))
    assert (code, unknown["error"]["kind"]) == (1, "unknown_speaker")
    same = [{**span, "speaker": "S0"} for span in SPANS]
    _, alone = ask(request(segments=same, options={"one_label_one_name": True}))
    assert sorted(segment["reason"] for segment in alone["segments"]) == ["matched", "other_label"]


def test_what_is_no_span_of_time_does_not_lose_the_others(ask: Ask) -> None:
    code, answer = ask(request(segments=[*SPANS, {"start": 9, "end": 8}]))
    assert code == 3
    assert [segment["reason"] for segment in answer["segments"]] == [
        "matched", "matched", "invalid"
    ]  # fmt: skip
    assert answer["invalid"] == [{"index": 2, "why": "it ends before it starts"}]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("", "not a JSON document"),
        ("{", "not a JSON document"),
        ("[]", "not a JSON object"),
        (request(version=2), "version is 2: only version 1 is supported, so send"),
        ({"video": "talk", "segments": []}, "version is missing"),
        (request(segments="x"), "Expected `array | null`, got `str` - at `$.segments`"),
        (request(segments=[{"start": "0", "end": 1}]), "at `$.segments[0].start`"),
        (request(segments=[{"start": 0}]), "missing required field `end`"),
        (request(video=""), "`$.video`"),
        (request(options={"treshold": 0.4}), "unknown field `treshold`"),
        (request(options={"threshold": 2}), "`$.options.threshold`"),
        (json.dumps(request(segments=[{"start": float("nan"), "end": 1}])), "not a JSON document"),
        ("[" * 100_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_not_a_request(ask: Ask, request_: object, message: str) -> None:
    code, answer = ask(request_)
    assert (code, answer["error"]["kind"]) == (2, "bad_request")
    assert message in answer["error"]["message"]


def test_a_request_that_is_too_long(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_requests, "LONGEST", 1 << 20)
    code, answer = ask(" " * (2 << 20))
    assert code == 2
    assert "longer than 1 MB" in answer["error"]["message"]


def test_failures_have_a_kind(ask: Ask, tmp_path: Path) -> None:
    absent = tmp_path / "absent.wav"
    code, answer = ask(request(video="new", audio=str(absent)))
    assert (code, answer["error"]["kind"]) == (1, "audio_not_found")
    assert str(absent) in answer["error"]["message"]
    code, answer = ask(request(), "--url", "postgresql://nobody@localhost:1/none")
    assert code == 1
    assert answer["version"] == 1


def test_a_line_for_each_line(filled: Callable[..., Result]) -> None:
    wrong = request(id="c", segments=[{"start": 0}])
    away = request(id="d", video="away")
    requests = [request(), "{", "", request(id="b"), wrong, away]
    lines = [each if isinstance(each, str) else json.dumps(each) for each in requests]
    result = filled("hook", "--stdio-lines", stdin="\n".join(lines))
    answers = list(map(json.loads, result.stdout.splitlines()))
    for answer in answers:
        check(answer, "answer")
    first, second, third, *failures = answers
    told = [(each["id"], each["video"], each["error"]["kind"]) for each in failures]
    assert told == [("c", "talk", "bad_request"), ("d", "away", "audio_not_found")]
    assert not any("segments" in each for each in failures)
    assert (first["segments"][0]["speaker"], third["id"]) == ("Ada", "b")
    assert second["error"]["kind"] == "bad_request"
    assert result.exit_code == 0


def test_the_schemas_are_those_of_the_documents(run: Callable[..., Result], ask: Ask) -> None:
    schema = json.loads(run("hook", "--schema", "answer").stdout)
    assert {"Answer", "Failure"} <= schema["$defs"].keys()
    _, answer = ask(request())
    assert schema["$defs"]["Answer"]["properties"].keys() == answer.keys()
    assert set(schema["$defs"]["AnsweredSegment"]["properties"]) == answer["segments"][0].keys()
    asked = json.loads(run("hook", "--schema", "request").stdout)
    assert set(request()) <= asked["$defs"]["Request"]["properties"].keys()
    assert run("hook", "--schema").exit_code == 2


def test_a_process_that_is_ended_between_two_lines(store_url: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pgvoice.cli",
        "hook",
        "--stdio-lines",
        "--encoder",
        "campplus",
    ]
    environment = os.environ | {"PGVOICE_DATABASE_URL": store_url}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("{}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["error"]["kind"] == "bad_request"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=requests)
def test_any_request_has_one_answer(request: object) -> None:
    """The pipeline always fails, which is also an answer."""
    answered(json.dumps(request).encode())
