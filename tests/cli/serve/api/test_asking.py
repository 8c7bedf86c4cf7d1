"""Every question of the API, asked once: its answer is that of the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pgvoice_testkit.stores.served_library import ADA, READ_ALOUD, ZOE
from pgvoice_testkit.stores.unknown_voices import RECORDINGS
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore

API = "/api/v1"
MONDAY = {"video": "monday"}
ME = {"name": ADA}
#: By path, the query, and something of the answer with what it should be in the store.
ASKED: dict[str, tuple[dict[str, Any], Callable[[VoiceStore, Any], tuple[object, object]]]] = {
    "/recordings": (
        {},
        lambda store, found: (
            [each["video"] for each in found["items"]],
            [each.video for each in store.recordings.videos()],
        ),
    ),
    "/recordings/summaries": (
        {"containing": "day"},
        lambda store, found: (
            [each["speech_seconds"] for each in found["items"]],
            [each.speech_seconds for each in store.recordings.summaries(containing="day")],
        ),
    ),
    "/recording": (MONDAY, lambda _, found: (found["coverage"][0]["statuses"], {"ok": 12})),
    "/coverage": ({}, lambda _, found: (len(found["items"]), len(RECORDINGS) + 2)),
    "/turns": (
        MONDAY,
        lambda store, found: (
            [each["start"] for each in found["items"]],
            [turn.start for turn in store.recordings.turns("monday") or []],
        ),
    ),
    "/answers": (
        {"video": "sunday", "voices": True},
        lambda store, found: (
            [each["speaker"] for each in found["items"] if each["reason"] == "matched"],
            [each.speaker for each in store.answers.identify("sunday") if each.speaker],
        ),
    ),
    "/appearances": (
        ME,
        lambda store, found: (
            [each["similarity"] for each in found["items"]],
            [each.similarity for each in store.answers.appearances(ADA)],
        ),
    ),
    "/similar": (
        {**MONDAY, "start": 0.02, "end": 1.52, "limit": 3},
        lambda store, found: (
            [(each["video"], each["start"]) for each in found["segments"]],
            [
                (each.video, each.start)
                for each in store.answers.similar("monday", (0, 1.5), limit=3)
            ],
        ),
    ),
    "/search": (
        {"text": "SENTENCE 2"},
        lambda _, found: (
            [(each["video"], each["text"]) for each in found["items"]],
            [(READ_ALOUD, "Sentence 2 is said here.")],
        ),
    ),
    "/labels": (MONDAY, lambda _, found: (found["items"][0]["speaker"], ADA)),
    "/runs": ({}, lambda _, found: ([each["kind"] for each in found["items"]], ["pin", "label"])),
    "/words": (MONDAY, lambda _, found: (found["items"][0]["spans"], [{"start": 0, "end": 1.5}])),
    "/speaker_time": (
        MONDAY,
        lambda store, found: (
            [each["seconds"] for each in found["items"]],
            [each.seconds for each in store.labels.speaker_time("monday")],
        ),
    ),
    "/voices": (
        {},
        lambda store, found: (
            [each["number"] for each in found["items"]],
            [each.number for each in store.voices.unknown()],
        ),
    ),
    "/queue": (
        {"skip": 1},
        lambda store, found: (
            [each["number"] for each in found["items"]],
            [each.number for each in store.voices.queue(skip=[1])],
        ),
    ),
    "/voices/2": ({}, lambda _, found: (found["voice"]["number"], 2)),
    "/voices/2/appearances": (
        {},
        lambda store, found: (
            [each["video"] for each in found["items"]],
            [each.video for each in store.voices.show(2)],
        ),
    ),
    "/voices/2/clips": (
        {},
        lambda store, found: (
            [each["start"] for each in found["items"]],
            [each.start for each in store.voices.clips(2)],
        ),
    ),
    "/suggestions": ({}, lambda _, found: (found["items"][0]["speaker"], ZOE)),
    "/people": (
        {},
        lambda store, found: (
            [each["speaker"] for each in found["items"]],
            [each.speaker for each in store.people.overview().people],
        ),
    ),
    "/person": (ME, lambda _, found: (found["consent"], "valid")),
    "/person/recordings": (
        ME,
        lambda store, found: (
            [each["seconds"] for each in found["items"]],
            [each.seconds for each in store.people.heard(ADA).recordings],
        ),
    ),
    "/thresholds/scores": (
        {},
        lambda store, found: (
            sum(each["comparisons"] for each in found),
            sum(each.comparisons for each in store.thresholds.scores()),
        ),
    ),
    "/totals": (
        {"containing": "sun"},
        lambda _, found: ((found["recordings"], found["keeps_text"]), (1, True)),
    ),
    "/profiles": (
        {},
        lambda store, found: (
            [each["nearest_other"] for each in found["items"]],
            [each.nearest_other for each in store.people.quality()],
        ),
    ),
    "/exemplars": (
        ME,
        lambda store, found: (
            [each["number"] for each in found["items"]],
            [each.number for each in store.people.exemplars(ADA)],
        ),
    ),
    "/consents": (ME, lambda _, found: (found["items"][0]["consent"]["granted_by"], ADA)),
    "/acts": (
        {},
        lambda store, found: (
            [each["number"] for each in found["items"]],
            [act.number for act in store.acts.list()],
        ),
    ),
    "/audit": (
        {"subject": ADA},
        lambda store, found: (
            [each["action"] for each in found["items"]],
            [event.action for event in store.privacy.audit(ADA)],
        ),
    ),
    "/thresholds": (
        {"gallery": 16},
        lambda store, found: (
            [band["threshold"] for band in found["bands"]],
            [band.threshold for band in store.thresholds.required(gallery=16).bands],
        ),
    ),
    "/statistics": ({}, lambda _, found: (found["last_fill"]["video"], READ_ALOUD)),
    "/encoders": ({}, lambda _, found: (found[0]["threshold"], 0.5)),
    "/ingests": ({}, lambda _, found: (found["items"][0]["waiting"], 2)),
    "/ingests/failed": ({}, lambda _, found: (found["items"], [])),
    "/jobs": ({}, lambda _, found: (found, {"items": [], "next": None})),
}
#: Jobs and what is followed have tests of their own.
ELSEWHERE = {"/jobs/{job}", "/jobs/{job}/events", "/events"}
#: What those who may only read may not see.
OF_ADMINS = {"/acts", "/audit", "/consents", "/similar", "/thresholds/scores"}


@pytest.mark.parametrize("path", ASKED)
def test_an_answer_is_that_of_the_store(path: str, api: TestClient, library: VoiceStore) -> None:
    query, expectation = ASKED[path]
    answer = api.get(API + path, params=query)
    assert answer.status_code == 200, answer.text
    found, expected = expectation(library, answer.json())
    assert found == expected


@pytest.mark.parametrize("path", ASKED)
def test_readers_get_two_digits(path: str, reading: TestClient) -> None:
    answer = reading.get(API + path, params=ASKED[path][0])
    if path in OF_ADMINS:
        assert answer.status_code == 403
        assert "pgvoice_" in answer.json()["detail"]
        return
    assert answer.status_code == 200, answer.text
    for name, number in _numbers(answer.json()):
        if "similarity" in name or name in ("margin", "cohesion"):
            assert number == round(number, 2), name


def test_every_question_is_asked(api: TestClient) -> None:
    described = api.get(f"{API}/openapi.json").json()["paths"]
    asked = {path.replace("/2", "/{number}") for path in ASKED} | ELSEWHERE
    assert {path.removeprefix(API) for path, ways in described.items() if "get" in ways} == asked


def _numbers(document: Any, name: str = "") -> list[tuple[str, float]]:
    """The numbers of a document, each with the name of its field."""
    if isinstance(document, dict):
        return [each for key, value in document.items() for each in _numbers(value, key)]
    if isinstance(document, list):
        return [each for value in document for each in _numbers(value, name)]
    return [(name, document)] if isinstance(document, float) else []
