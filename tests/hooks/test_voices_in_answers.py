"""Unknown voices in answers: only if asked for, only where nobody is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pgvoice_testkit.documents.hook_schemas import check
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import run as run_sql
from pgvoice_testkit.stores.unknown_voices import RECORDINGS, number_of, record_all
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE

from pgvoice.hooks import Pipeline, identify, write_labels
from pgvoice.hooks.json_requests import reply
from pgvoice.hooks.results import with_voices_as_names
from pgvoice.store import VoiceStore
from pgvoice.store.errors import LinkingDisabled


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Recordings with linked voices; the first person has a name."""
    record_all(store)
    store.voices.enable()
    store.voices.name(number_of(store, PEOPLE[0]), "Ada")
    return store


@pytest.fixture
def pipeline(library: VoiceStore) -> Iterator[Pipeline]:
    """A pipeline whose encoder is never called, as everything is stored."""
    encoder = CountingEncoder()
    encoder.identity = ENCODER
    with Pipeline(library, encoder) as opened:
        yield opened
    assert encoder.calls == []


def _spoken(answers: dict[str, Any]) -> set[tuple[str, str | None, str | None]]:
    return {(each["label"], each["speaker"], each["voice"]) for each in answers["segments"]}


def test_only_if_asked_for(library: VoiceStore) -> None:
    asked = identify(library, "tuesday", voices=True)
    number = number_of(library, PEOPLE[2])
    assert {(each.segment.label, each.speaker, each.voice) for each in asked.labels} == {
        ("SPEAKER_00", None, number),
        ("SPEAKER_01", "Ada", None),
    }
    assert {each.unknown_voice for each in asked.labels} == {None, f"voice {number}"}
    assert {each.voice for each in identify(library, "tuesday").labels} == {None}


def test_the_same_number_in_every_recording(pipeline: Pipeline, library: VoiceStore) -> None:
    numbers = set()
    for video in ("tuesday", "thursday"):
        turns = library.recordings.turns(video) or []
        request = {
            "version": 1,
            "video": video,
            "segments": [{"start": t.start, "end": t.end, "speaker": t.label} for t in turns],
            "options": {"voices": True},
        }
        check(request, "request")
        answer = json.loads(reply(pipeline, json.dumps(request).encode()).document)
        check(answer, "answer")
        label = f"SPEAKER_{RECORDINGS[video].index(PEOPLE[2]):02}"
        numbers |= {voice for each, _, voice in _spoken(answer) if each == label}
        request["options"] = {}
        silent = json.loads(reply(pipeline, json.dumps(request).encode()).document)
        assert {voice for _, _, voice in _spoken(silent)} == {None}
    assert numbers == {f"voice {number_of(library, PEOPLE[2])}"}


def test_a_pipeline_of_ones_own(pipeline: Pipeline, library: VoiceStore) -> None:
    turns = library.recordings.turns("friday") or []
    always = Pipeline(library, pipeline.encoder, voices=True)
    assert {each.voice is None for each in always.run("friday", None, turns).labels} == {
        True,
        False,
    }
    for result in (
        always.run("friday", None, turns, voices=False),
        pipeline.run("friday", None, turns),
    ):
        assert {each.voice for each in result.labels} == {None}


def test_voices_that_are_dismissed_or_off(library: VoiceStore) -> None:
    library.voices.dismiss(number_of(library, PEOPLE[2]), "tv")
    assert {each.voice for each in identify(library, "tuesday", voices=True).labels} == {None}
    library.voices.disable()
    with pytest.raises(LinkingDisabled, match="`pgvoice voices enable`"):
        identify(library, "tuesday", voices=True)
    assert identify(library, "tuesday").labels


def test_segments_that_the_store_grouped(library: VoiceStore) -> None:
    """Turns without labels: the segments of a group are its voice."""
    turns, number = library.recordings.turns("thursday") or [], number_of(library, PEOPLE[2])
    library.recordings.store_turns("thursday", [replace(each, label=None) for each in turns])
    run_sql(library.database.engine, "SELECT pgvoice.refresh_voices(ARRAY['thursday'])")
    library.voices.link(["thursday"])
    found = identify(library, "thursday", voices=True)
    heard: dict[str, set[int]] = {}
    for given, answer in zip(turns, found.labels, strict=True):
        if answer.voice is not None:
            heard.setdefault(str(given.label), set()).add(answer.voice)
    assert heard["SPEAKER_02"] == {number}
    assert all(len(numbers) == 1 for numbers in heard.values())


def test_documents_have_them_only_if_asked(library: VoiceStore) -> None:
    named = f"voice {number_of(library, PEOPLE[2])}"
    found = identify(library, "tuesday", voices=True).labels
    for name in ("json", "vtt", "rttm"):
        written = write_labels(with_voices_as_names(found), name, uri="tuesday")
        assert named in written.replace("_", " ")
        assert named not in write_labels(found, name, uri="tuesday").replace("_", " ")
