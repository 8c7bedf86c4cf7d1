"""Corrections on the page of a recording: what they change, say, and take back."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import transcripts, unknown_voices
from pgvoice_testkit.stores.transcripts import ADA
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore

BACK = "/recording?video=monday"


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    transcripts.library(store).labels.label(["monday"])
    return store


@pytest.fixture
def page(library: VoiceStore) -> TestClient:
    return client(library)


def post(page: TestClient, path: str, **fields: object) -> str:
    """The page after a form: what it says."""
    answer = page.post(path, data={"video": "monday", "back": BACK} | fields)
    assert answer.status_code == 200, answer.text
    assert str(answer.url).endswith(BACK)
    return answer.text


def told(html: str) -> str:
    (message,) = re.findall(r'class="message[^>]*>\s*<p>(.*?)</p>', html)
    return str(message)


def undo(page: TestClient, html: str) -> None:
    """Press the message's button."""
    (act,) = re.findall(r'name="act" value="(\d+)"', html)
    assert "Undone" in told(page.post("/acts/undo", data={"act": act, "back": BACK}).text)


def speakers(library: VoiceStore) -> Counter[str | None]:
    return Counter(each.speaker for each in library.labels.current("monday"))


BEFORE = {ADA: 6, None: 6}


@pytest.mark.parametrize(
    ("says", "name", "sentence", "after"),
    [
        ("nobody", "", "1 turn (0:00:01.5) is nobody known now", {ADA: 5, None: 7}),
        ("not", ADA, f"1 turn (0:00:01.5) is not {ADA}", {ADA: 5, None: 7}),
        ("is", "Cleo", "1 turn (0:00:01.5) is Cleo now", {ADA: 5, "Cleo": 1, None: 6}),
    ],
)
def test_a_turn_is_corrected_and_taken_back(
    library: VoiceStore,
    page: TestClient,
    says: str,
    name: str,
    sentence: str,
    after: dict[str | None, int],
) -> None:
    assert speakers(library) == BEFORE
    shown = post(page, "/recording/say", segment="0-1500", says=says, name=name, new="true")
    assert told(shown) == sentence
    assert speakers(library) == after
    undo(page, shown)
    assert speakers(library) == BEFORE
    assert library.labels.words("monday") == []


def test_a_label_is_corrected_forgotten_and_taken_back(
    library: VoiceStore, page: TestClient
) -> None:
    shown = post(page, "/recording/say", label="SPEAKER_01", says="is", name=f" {ADA} ")
    assert told(shown) == f"6 turns (0:00:21.0) are {ADA} now"
    assert speakers(library) == {ADA: 12}
    assert f"<strong>is {ADA}</strong>" in shown
    shown = post(page, "/recording/say", label="SPEAKER_01", says="forget")
    assert told(shown) == "Forgot what was said of 6 turns"
    assert speakers(library) == BEFORE
    undo(page, shown)
    assert speakers(library) == {ADA: 12}


def test_who_is_named_can_be_denied_by_one_button(page: TestClient) -> None:
    form = f'name="name" value="{ADA}">\\s*<div class="bar"><button name="says" value="not">'
    assert len(re.findall(form, page.get(BACK).text)) == 6


def test_a_name_that_nobody_has_is_asked_about(library: VoiceStore, page: TestClient) -> None:
    shown = post(page, "/recording/say", segment="0-1500", says="is", name="Ada Lovelance")
    assert f"Did you mean {ADA}?" in told(shown)
    assert "tick “new person”" in told(shown)
    assert library.labels.words("monday") == []


def test_a_whole_voice_gets_a_name(library: VoiceStore, page: TestClient) -> None:
    number = unknown_voices.number_of(library, transcripts.RECORDINGS["monday"][1])
    library.privacy.require_consent()
    asked = {"voice": number, "does": "name", "name": "Bob"}
    assert "agreed to be recognised" in told(post(page, "/recording/voice", **asked))
    shown = post(page, "/recording/voice", **asked, consent=unknown_voices.CONSENT)
    assert told(shown).startswith("21 s in 1 recording are Bob now")
    assert speakers(library)["Bob"] == 6
    undo(page, shown)
    assert speakers(library) == BEFORE


def test_a_voice_is_somebody_else_in_this_recording(store: VoiceStore) -> None:
    transcripts.library(store, ada=False)
    page = client(store)
    number = unknown_voices.number_of(store, transcripts.RECORDINGS["monday"][0])
    assert f"Name voice {number}" in page.get(BACK).text
    shown = post(page, "/recording/voice", voice=number, does="different")
    assert told(shown) == f"Voice {number} is somebody else in monday."
    assert {each.video for each in store.voices.show(number)} == {"tuesday"}
    undo(page, shown)
    assert {each.video for each in store.voices.show(number)} == {"monday", "tuesday"}


def test_a_recording_is_labelled_again(library: VoiceStore, page: TestClient) -> None:
    library.people.rename(ADA, "Ada King")
    turns = library.recordings.turns("monday") or []
    spans = [(each.start, each.end) for each in turns if each.label == "SPEAKER_01"]
    library.people.enroll_segments("Bob", "monday", spans, consent="form", force=True)
    shown = post(page, "/recording/label")
    assert told(shown) == "12 turns judged, 2 people named: 7 labels changed"
    assert speakers(library)["Bob"] == 6
    undo(page, shown)
    assert speakers(library) == {"Ada King": 6, None: 6}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"segment": "0-1400", "says": "nobody"}, "no segment (0.0, 1.4)"),
        ({"segment": "0-1500", "says": "is", "name": " "}, "a speaker&#39;s name"),
        ({"segment": "0-1500", "says": "forget"}, "no pinned label"),
        ({"segment": "9999999999-0", "says": "nobody"}, "no span of a recording"),
        ({"label": "SPEAKER_99", "says": "nobody"}, "SPEAKER_99"),
        ({"says": "nobody"}, "choose one"),
        ({"video": "nope", "segment": "0-1500", "says": "nobody"}, "nope"),
    ],
)
def test_what_cannot_be_said_is_told(
    library: VoiceStore, page: TestClient, fields: dict[str, str], why: str
) -> None:
    shown = post(page, "/recording/say", **fields)
    assert why in told(shown)
    assert 'class="message error"' in shown
    assert speakers(library) == BEFORE


def test_a_form_of_another_shape_is_refused(page: TestClient) -> None:
    for path, fields in (
        ("say", {"says": "maybe", "label": "A"}),
        ("say", {"says": "nobody", "segment": "1.5-2"}),
        ("voice", {"does": "name", "voice": "0", "name": "x"}),
        ("voice", {"does": "eat", "voice": "1"}),
    ):
        answer = page.post(f"/recording/{path}", data={"video": "monday"} | fields)
        assert answer.status_code == 422, (path, fields)
