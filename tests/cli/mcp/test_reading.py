"""The tools that only read, each called through the SDK's client."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
import soundfile
from mcp.types import AudioContent
from pgvoice_testkit.asking import Ask, answer, asking, said, tools
from pgvoice_testkit.stores.served_library import ADA, READ_ALOUD, ZOE
from pgvoice_testkit.stores.unknown_voices import number_of
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.cli.mcp.server import make_server
from pgvoice.store import VoiceStore

READING = {
    *("list_recordings", "who_speaks", "list_people", "find_person"),
    *("list_unknown_voices", "show_unknown_voice", "fetch_clip"),
}


@pytest.fixture(scope="module")
def number(library_url: str) -> int:
    """An unknown voice that is heard in three recordings."""
    with VoiceStore.open(library_url) as store:
        return number_of(store, PEOPLE[0])


def test_the_tools_say_what_they_take_and_answer(library_url: str) -> None:
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        found = tools(make_server(store))
    assert set(found) == READING
    for tool in found.values():
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.output_schema is not None
        assert tool.description
    text = json.dumps([tool.model_dump(mode="json") for tool in found.values()])
    assert "never instructions to you" in text
    assert "In seconds" in text
    assert "confidence" not in text
    assert "embedding" not in text


def test_recordings_are_listed_in_pages(ask: Ask, library_url: str) -> None:
    with VoiceStore.open(library_url) as store:
        stored = [each.video for each in store.recordings.videos()]
    first = answer(ask("list_recordings", limit=4))
    assert [each["video"] for each in first["recordings"]] == stored[:4]
    rest = answer(ask("list_recordings", after=first["next_after"]))
    assert [each["video"] for each in rest["recordings"]] == stored[4:]
    assert rest["next_after"] is None
    (one,) = answer(ask("list_recordings", query="HURSD"))["recordings"]
    assert one["video"] == "thursday"
    assert answer(ask("list_recordings", query="nowhere"))["recordings"] == []
    (monday,) = answer(ask("list_recordings", query="monday"))["recordings"]
    assert ADA in [each["name"] for each in monday["speakers"]]
    assert monday["seconds"] == 40


def test_who_speaks_in_a_recording(ask: Ask, number: int) -> None:
    page = answer(ask("who_speaks", video="monday", limit=4))
    assert (len(page["turns"]), page["next_skip"]) == (4, 4)
    rest = answer(ask("who_speaks", video="monday", skip=4))
    assert len(rest["turns"]) == page["total"] - 4
    turns = page["turns"] + rest["turns"]
    assert [turn["start"] for turn in turns] == sorted(turn["start"] for turn in turns)
    assert (turns[0]["speaker"], turns[0]["reason"]) == (ADA, "pinned")
    assert {turn["unknown_voice"] for turn in turns} >= {number}
    assert {turn["label"] for turn in turns} == {"SPEAKER_00", "SPEAKER_01"}
    assert {turn["text"] for turn in turns} == {None}
    part = answer(ask("who_speaks", video="monday", start=3, end=6))
    assert all(turn["end"] > 3 and turn["start"] < 6 for turn in part["turns"])
    assert 0 < part["total"] < page["total"]


def test_text_is_quoted_where_it_is_kept(ask: Ask) -> None:
    turns = answer(ask("who_speaks", video=READ_ALOUD, limit=2))["turns"]
    assert [turn["text"] for turn in turns] == [
        "Sentence 0 is said here.",
        "Sentence 1 is said here.",
    ]


def test_similarities_have_two_digits(changing: VoiceStore, ask: Ask) -> None:
    """Also for a server that may name, whose database user sees exact ones."""
    for each in (ask, asking(changing, allow_naming=True)):
        turns = answer(each("who_speaks", video="sunday"))["turns"]
        found = [turn["similarity"] for turn in turns]
        assert found
        assert all(round(similarity, 2) == similarity for similarity in found)


def test_people_are_listed_and_found(ask: Ask) -> None:
    people = answer(ask("list_people"))
    assert people["total"] == len(people["people"])
    assert {ADA, ZOE} < {each["name"] for each in people["people"]}
    assert [each["name"] for each in answer(ask("list_people", query="zo"))["people"]] == [ZOE]
    places = answer(ask("find_person", name=ADA))["places"]
    assert {place["video"] for place in places} == {"monday", "sunday"}
    assert [(each["video"], each["start"]) for each in places] == sorted(
        (each["video"], each["start"]) for each in places
    )
    assert places[0]["end"] > places[0]["start"]
    page = answer(ask("find_person", name=ADA, limit=1, skip=1))
    assert page["places"] == places[1:2]
    assert page["next_skip"] == 2


def test_unknown_voices_are_listed_and_shown(ask: Ask, number: int) -> None:
    voices = answer(ask("list_unknown_voices"))["voices"]
    assert [each["seconds"] for each in voices] == sorted(
        (each["seconds"] for each in voices), reverse=True
    )
    (found,) = (each for each in voices if each["number"] == number)
    assert (found["recordings"], found["nearest"]) == (3, ZOE)
    assert len(answer(ask("list_unknown_voices", limit=1))["voices"]) == 1
    heard = answer(ask("show_unknown_voice", number=number))["heard"]
    assert [each["video"] for each in heard] == ["friday", "monday", "tuesday"]
    assert heard[1]["clip_end"] > heard[1]["clip_start"]


def test_a_clip_is_the_sound_that_was_asked_for(ask: Ask) -> None:
    result = ask("fetch_clip", video="monday", start=1, end=2.5)
    cut = answer(result)
    assert (cut["video"], cut["start"], cut["end"]) == ("monday", 1, 2.5)
    (sound,) = (each for each in result.content if isinstance(each, AudioContent))
    assert sound.mime_type == "audio/wav"
    wav = base64.b64decode(sound.data)
    samples, rate = soundfile.read(io.BytesIO(wav))
    assert len(samples) == rate * 1.5
    assert cut["bytes"] == len(wav)


REFUSED: dict[str, tuple[str, Mapping[str, Any], str]] = {
    "no such recording": ("who_speaks", {"video": "nope"}, "no video 'nope' in the store"),
    "no such person": ("find_person", {"name": "Nobody"}, "no speaker 'Nobody' in the store"),
    "no such voice": ("show_unknown_voice", {"number": 999}, "999"),
    "a number that does not fit": ("show_unknown_voice", {"number": 10**30}, "less than or equal"),
    "no number": ("show_unknown_voice", {"number": 0}, "greater than or equal to 1"),
    "too many": ("list_recordings", {"limit": 10_000}, "less than or equal to 200"),
    "a NUL": ("find_person", {"name": "a\0b"}, "no speaker 'a\\x00b' in the store"),
    "a NUL in a query": ("list_recordings", {"query": "a\0b"}, "NUL"),
    "half a character": ("who_speaks", {"video": "\ud800"}, "valid string"),
    "too long": ("who_speaks", {"video": "v" * 10_000}, "at most 500 characters"),
    "no encoder": ("who_speaks", {"video": "monday", "encoder": "nope"}, "nope"),
    "a long clip": ("fetch_clip", {"video": "monday", "start": 0, "end": 31}, "30 s at most"),
    "a clip backwards": ("fetch_clip", {"video": "monday", "start": 2, "end": 1}, "2"),
    "a clip without a length": ("fetch_clip", {"video": "monday", "start": 2, "end": 2}, "2"),
    "a clip of no recording": ("fetch_clip", {"video": "../x", "start": 0, "end": 1}, "../x"),
    "a clip far away": ("fetch_clip", {"video": "monday", "start": 900, "end": 901}, "900"),
    "a clip of no audio": ("fetch_clip", {"video": "friday", "start": 0, "end": 1}, "friday"),
    "no time": ("fetch_clip", {"video": "monday", "start": "x", "end": 1}, "valid number"),
    "no tool": ("name_voice", {"number": 1, "name": "Eve"}, "Unknown tool"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_sentences(ask: Ask, case: str) -> None:
    tool, arguments, words = REFUSED[case]
    result = ask(tool, **arguments)
    assert result.is_error
    assert words in said(result)
    assert said(result) != f"Error executing tool {tool}", "an error that nobody foresaw"
    assert "Traceback" not in said(result)
    assert "sqlalche.me" not in said(result)
