"""What the forms of a card do, and why they are refused."""

from __future__ import annotations

import re

import pytest
from pgvoice_testkit.cards import forms, told, voice_of
from pgvoice_testkit.serving import client, entrance_of
from pgvoice_testkit.stores.unknown_voices import (
    CONSENT,
    enroll_near,
    names_in,
    number_of,
    record,
)
from pgvoice_testkit.stores.voices import PEOPLE, STRANGERS
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore


def people(store: VoiceStore) -> list[str]:
    return [each.speaker for each in store.people.speakers()]


# Answers


def test_a_name_is_told_in_numbers_and_undone(browser: TestClient, library: VoiceStore) -> None:
    page = browser.get("/review").text
    number = voice_of(page)
    fields = forms(page)[f"/review/{number}/name"]
    named = browser.post(f"/review/{number}/name", data=fields | {"name": " Ada "}).text
    assert re.fullmatch(r"1 min in 3 recordings are Ada now; \d+ labels changed\.", told(named)), (
        told(named)
    )
    assert voice_of(named) == int(fields["then"])
    assert "1 of 5 voices, 2 min left to name" in named
    assert people(library) == ["Ada"]
    assert names_in(library, "monday") == {"Ada", None}
    (act,) = library.acts.list()
    assert (act.kind, act.on_behalf_of) == ("name", entrance_of(browser).settings.author)
    undone = browser.post("/review/undo").text
    assert (voice_of(undone), people(library)) == (number, [])
    assert told(undone) == f"Undone: voice {number} is as it was."
    assert "0 of 5 voices" in undone


@pytest.mark.parametrize("said", ["accept", "reject"])
def test_a_suggestion_is_accepted_or_rejected(
    browser: TestClient, library: VoiceStore, said: str
) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    number = number_of(library, PEOPLE[0])
    page = browser.get(f"/review/{number}").text
    fields = forms(page)[f"/review/{number}/{said}"]
    assert fields["speaker"] == "Ada"
    answered = browser.post(f"/review/{number}/{said}", data=fields).text
    if said == "accept":
        assert " are Ada now; " in told(answered)
        assert voice_of(answered) != number
    else:
        assert told(answered) == f"Voice {number} is not Ada."
        assert (voice_of(answered), "Yes, it is Ada" in answered) == (number, False)
    assert library.voices.suggestions() == []
    assert library.acts.list()[0].kind == said
    undone = browser.post("/review/undo").text
    assert (voice_of(undone), "Yes, it is Ada" in undone) == (number, True)


def test_an_answer_about_somebody_who_is_not_suggested_any_more_changes_nothing(
    browser: TestClient, library: VoiceStore
) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    number = number_of(library, PEOPLE[0])
    acts = library.acts.list()
    for said in ("accept", "reject"):
        answered = browser.post(f"/review/{number}/{said}", data={"speaker": "Bob"}).text
        assert told(answered).startswith(f"'Ada' is suggested for voice {number} now, not 'Bob'")
    assert library.acts.list() == acts


def test_a_voice_is_dismissed(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    for fields, why in (({"why": "tv"}, "tv"), ({"why": "tv", "words": " radio "}, "radio")):
        page = browser.post(f"/review/{number}/dismiss", data=fields).text
        assert told(page) == f"Voice {number} is dismissed as {why}, with 3 appearances."
        assert [each.dismissed_as for each in library.voices.unknown(dismissed=True)] == [why]
        assert f"dismissed as {why}" in browser.get(f"/review/{number}").text
        assert voice_of(browser.post("/review/undo").text) == number
    assert library.voices.unknown(dismissed=True) == []


def test_two_voices_are_the_same(browser: TestClient, library: VoiceStore) -> None:
    numbers = sorted(number_of(library, person) for person in PEOPLE[1:3])
    page = browser.post(f"/review/{numbers[1]}/same", data={"other": str(numbers[0])}).text
    assert voice_of(page) == numbers[0]
    assert told(page) == f"Voice {numbers[1]} is voice {numbers[0]} now, with 4 appearances."
    assert "0 of 4 voices" in page
    assert voice_of(browser.post("/review/undo").text) == numbers[1]


def test_a_voice_is_the_same_as_a_person(browser: TestClient, library: VoiceStore) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    number = number_of(library, PEOPLE[0])
    page = browser.post(f"/review/{number}/same", data={"other": "Ada"}).text
    assert " are Ada now; " in told(page)


def test_a_recording_is_taken_out(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    page = browser.post(f"/review/{number}/different", data={"video": "monday"}).text
    assert (voice_of(page), told(page)) == (
        number,
        f"Voice {number} is somebody else in monday.",
    )
    assert {each.video for each in library.voices.show(number)} == {"friday", "tuesday"}


def test_skipped_voices_come_back_at_the_end(browser: TestClient, library: VoiceStore) -> None:
    page, seen = browser.get("/review").text, []
    for _ in range(11):
        seen.append(voice_of(page))
        fields = forms(page)[f"/review/{seen[-1]}/skip"]
        page = browser.post(f"/review/{seen[-1]}/skip", data=fields).text
    assert seen[:5] == [each.number for each in library.voices.queue()]
    assert [sorted(seen[first : first + 5]) for first in (0, 5)] == [sorted(seen[:5])] * 2
    assert library.acts.list() == []


def test_nothing_to_undo_is_told(browser: TestClient) -> None:
    assert told(browser.post("/review/undo").text) == "There is nothing to undo."


# Refusals


def test_a_voice_that_sounds_like_somebody_else(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.different(number, "monday")
    library.voices.name(number, "Ada", consent=CONSENT)
    monday = number_of(library, PEOPLE[0])
    page = browser.post(f"/review/{monday}/name", data={"name": "Bob"}).text
    assert voice_of(page) == monday
    assert "<strong>Not named Bob.</strong>" in page
    assert f"Voice {monday} sounds like &#39;Ada&#39;, who is enrolled" in page
    assert 'name="name" value="Ada"' in page  # It is Ada
    assert 'value="Bob" required' in page
    assert "--force" not in page
    forced = {"name": "Bob", "force": "true"}
    assert " are Bob now" in told(browser.post(f"/review/{monday}/name", data=forced).text)
    assert "Not named" not in browser.post("/review/undo").text


def test_speech_of_several_people(browser: TestClient, library: VoiceStore) -> None:
    kept = library.voices.same(*(number_of(library, each) for each in PEOPLE[1:3])).number
    page = browser.post(f"/review/{kept}/name", data={"name": "Ada"}).text
    assert "would be of several people" in page
    assert "recordings in which it is somebody else can be taken out" in page
    assert f'action="/review/{kept}/different"' in page
    assert 'data-key="f"' in page


def test_too_little_speech(browser: TestClient, library: VoiceStore) -> None:
    record(library, "sunday", (STRANGERS[0], PEOPLE[6]), seed=20, each=1)
    library.voices.link(["sunday"])
    number = next(each.number for each in library.voices.unknown() if each.last_video == "sunday")
    page = browser.post(f"/review/{number}/name", data={"name": "Eve"}).text
    assert "too little clear speech to enroll &#39;Eve&#39;: 1.5 s, and 2 s are needed" in page
    assert "Skip it until more of it is heard" in page


def test_what_is_no_name_is_told(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    for name in ("", " ", "x" * 501, "\0"):
        page = browser.post(f"/review/{number}/name", data={"name": name}).text
        assert (voice_of(page), library.acts.list()) == (number, [])
        assert "name must not" in told(page)


def test_consent_is_asked_for_once(browser: TestClient, library: VoiceStore) -> None:
    library.privacy.require_consent()
    page = browser.get("/review").text
    number = voice_of(page)
    assert 'name="consent" value="" required' in page
    refused = browser.post(f"/review/{number}/name", data={"name": "Ada"}).text
    assert (voice_of(refused), people(library)) == (number, [])
    assert "Say below where the consent is documented." in refused
    assert 'data-key="f"' not in refused
    fields = {"name": "Ada", "consent": "form of 3 May"}
    named = browser.post(f"/review/{number}/name", data=fields).text
    assert 'name="consent" value="form of 3 May" required' in named
    assert [each.consent.evidence for each in library.privacy.consents()] == ["form of 3 May"]
    stranger = client(library).get("/review").text
    assert 'name="consent" value="" required' in stranger


# Others, at the same time


def test_a_voice_that_somebody_else_has_named_meanwhile(
    browser: TestClient, library: VoiceStore
) -> None:
    number = number_of(library, PEOPLE[0])
    browser.get(f"/review/{number}")
    client(library).post(f"/review/{number}/name", data={"name": "Ada"})
    for act, fields in (
        ("name", {"name": "Bob"}),
        ("accept", {"speaker": "Bob"}),
        ("reject", {"speaker": "Bob"}),
        ("dismiss", {"why": "tv"}),
        ("same", {"other": "2"}),
        ("different", {"video": "monday"}),
    ):
        page = browser.post(f"/review/{number}/{act}", data=fields).text
        assert told(page).startswith(f"Voice {number} is 'Ada' now (named on "), act
        assert voice_of(page) != number
    assert people(library) == ["Ada"]


def test_an_act_that_cannot_be_undone_any_more(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    browser.post(f"/review/{number}/name", data={"name": "Ada"})
    library.acts.undo()
    assert "undone" in told(browser.post("/review/undo").text)
    assert told(browser.post("/review/undo").text) == "There is nothing to undo."
    browser.post(f"/review/{number}/name", data={"name": "Ada"})
    library.people.rename("Ada", "Ida")
    page = browser.post("/review/undo").text
    assert "cannot be undone before act " in told(page)
    assert voice_of(page) != number


def test_the_next_card_may_be_gone(browser: TestClient, library: VoiceStore) -> None:
    page = browser.get("/review").text
    following = int(forms(page)[f"/review/{voice_of(page)}/skip"]["then"])
    library.voices.dismiss(following, "tv")
    library.voices.name(number_of(library, PEOPLE[3]), "Dan", consent=CONSENT)
    skipped = browser.post(f"/review/{voice_of(page)}/skip", data={"then": str(following)})
    assert skipped.status_code == 200


def test_a_number_that_no_voice_has(browser: TestClient) -> None:
    for number in (-1, 0, 99_999, 1 << 63, 1 << 70):
        for asked in (
            browser.get(f"/review/{number}"),
            browser.post(f"/review/{number}/dismiss", data={"why": "tv"}),
            browser.post("/review/1/same", data={"other": str(number)}),
        ):
            assert asked.status_code < 500, asked.text
        assert browser.get(f"/review/{number}").status_code in (404, 422)
