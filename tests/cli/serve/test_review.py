"""The page ``/review``: one card for each unknown voice, and what its forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape

import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.serving import client, entrance_of, path_of
from pgvoice_testkit.stores.unknown_voices import (
    CONSENT,
    RECORDINGS,
    enroll_near,
    names_in,
    number_of,
    record,
)
from pgvoice_testkit.stores.voices import PEOPLE, STRANGERS
from starlette.testclient import TestClient

from pgvoice.cli.serve.reviewing.sittings import MOST_SITTINGS, Sittings
from pgvoice.store import Turn, VoiceStore

#: What somebody may be called who wants to do harm.
HOSTILE = """"><script>alert(1)</script><img src=x onerror='alert(2)'>&{{ 7 * 7 }}"""


@pytest.fixture(scope="module")
def _linked(server_url: str, template: str) -> Iterator[str]:
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            for seed, (video, people) in enumerate(RECORDINGS.items()):
                record(store, video, people, seed=seed)
            store.voices.enable()
        assert url.database is not None
        yield url.database


@pytest.fixture
def library(server_url: str, _linked: str) -> Iterator[VoiceStore]:
    """Four recordings with five unknown voices; nobody is enrolled."""
    with new_database(server_url, _linked) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture
def browser(library: VoiceStore) -> TestClient:
    return client(library)


def _number(page: str) -> int:
    """The voice of a card."""
    return int(re.findall(r"<h1>Voice (\d+)</h1>", page)[0])


def _told(page: str) -> str:
    """What the last answer did."""
    found = re.search(r'<form class="message[^>]*>\s*<p>(.*?)</p>', page)
    return unescape(found[1]) if found else ""


def _forms(page: str) -> dict[str, dict[str, str]]:
    """The hidden fields of each form, by where it is sent."""
    return {
        action: {
            name: unescape(value)
            for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', body)
        }
        for action, body in re.findall(
            r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', page, re.DOTALL
        )
    }


def _people(store: VoiceStore) -> list[str]:
    return [each.speaker for each in store.people.speakers()]


# The card


def test_the_first_card_is_of_the_voice_that_speaks_most(
    browser: TestClient, library: VoiceStore
) -> None:
    page = browser.get("/review").text
    number = number_of(library, PEOPLE[0])
    assert _number(page) == number
    assert "1 min in 3 recordings" in page
    assert "0 of 5 voices, 3 min left to name" in page
    best = library.voices.clips(number)[0]
    first = re.findall(r'<a class="clip best" href="([^"]*)"[^>]*data-autoplay', page)
    assert unescape(first[0]) == (
        f"/clips?video={best.video}&start={best.start:.3f}&end={best.end:.3f}"
    )
    for clip in library.voices.clips(number):
        assert f'href="/recording?video={clip.video}"' in page
    assert "Nobody is enrolled yet." in page
    assert page.count("data-near") == 0


def test_a_card_compares_with_the_nearest_people(browser: TestClient, library: VoiceStore) -> None:
    library.voices.name(number_of(library, PEOPLE[1]), "Bob", consent=CONSENT)
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    page = browser.get(f"/review/{number_of(library, PEOPLE[0])}").text
    assert re.findall(r'data-near="(\w+)"', page) == ["Ada", "Bob"]
    assert 'Ada <span class="quiet">(no sample to play)' in page
    assert re.search(r'data-key="2" data-says="Play Bob"', page)
    assert re.search(r'<meter [^>]*value="0.\d\d"', page), re.findall("<meter.*?>", page)
    assert 'data-says="Yes, it is Ada"' in page


def test_each_key_means_one_thing(browser: TestClient, library: VoiceStore) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    page = browser.get(f"/review/{number_of(library, PEOPLE[0])}").text
    outside = re.sub(r'<div class="menu-body">.*?</div>\s*</details>', "", page, flags=re.DOTALL)
    keys = re.findall(r'data-key="([^"]+)"', outside)
    assert len(keys) == len(set(keys))
    assert {"n", "y", "x", "s", "d", "k", " ", "ArrowLeft", "ArrowRight"} <= set(keys)
    for menu in re.findall(r'<div class="menu-body">(.*?)</details>', page, flags=re.DOTALL):
        inside = re.findall(r'data-key="([^"]+)"', menu)
        assert inside
        assert len(inside) == len(set(inside))


def test_the_page_that_comes_next_is_named_and_stays_the_same_when_it_is_fetched(
    browser: TestClient,
) -> None:
    page = browser.get("/review").text
    (following,) = re.findall(r'data-next="/review/(\d+)"', page)
    ahead = browser.get(f"/review/{following}", headers={"Purpose": "prefetch"}).text
    after = re.findall(r'data-next="/review/(\d+)"', ahead)
    assert after
    assert int(after[0]) not in (int(following), _number(page))
    skipped = browser.post(f"/review/{_number(page)}/skip", data={"then": following})
    assert _number(skipped.text) == int(following)
    assert re.findall(r'data-next="/review/(\d+)"', skipped.text) == after


def test_a_page_that_is_only_fetched_ahead_takes_no_message(
    browser: TestClient, library: VoiceStore
) -> None:
    browser.post("/acts/undo", data={"act": "1"}, follow_redirects=False)
    number = number_of(library, PEOPLE[0])
    library.voices.name(number, "Ada", consent=CONSENT)
    ahead = browser.get(f"/review/{number}", headers={"Purpose": "prefetch"})
    assert _told(ahead.text) == "Listen, and say who it is. Every answer can be undone."
    assert _told(browser.get(f"/review/{number}").text).startswith(
        f"Voice {number} is 'Ada' now (named on "
    )


# Answers


def test_a_name_is_told_in_numbers_and_undone(browser: TestClient, library: VoiceStore) -> None:
    page = browser.get("/review").text
    number = _number(page)
    fields = _forms(page)[f"/review/{number}/name"]
    named = browser.post(f"/review/{number}/name", data=fields | {"name": " Ada "}).text
    assert re.fullmatch(r"1 min in 3 recordings are Ada now; \d+ labels changed\.", _told(named)), (
        _told(named)
    )
    assert _number(named) == int(fields["then"])
    assert "1 of 5 voices, 2 min left to name" in named
    assert _people(library) == ["Ada"]
    assert names_in(library, "monday") == {"Ada", None}
    (act,) = library.acts.list()
    assert (act.kind, act.on_behalf_of) == ("name", entrance_of(browser).settings.author)
    undone = browser.post("/review/undo").text
    assert (_number(undone), _people(library)) == (number, [])
    assert _told(undone) == f"Undone: voice {number} is as it was."
    assert "0 of 5 voices" in undone


@pytest.mark.parametrize("said", ["accept", "reject"])
def test_a_suggestion_is_accepted_or_rejected(
    browser: TestClient, library: VoiceStore, said: str
) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    number = number_of(library, PEOPLE[0])
    page = browser.get(f"/review/{number}").text
    fields = _forms(page)[f"/review/{number}/{said}"]
    assert fields["speaker"] == "Ada"
    answered = browser.post(f"/review/{number}/{said}", data=fields).text
    if said == "accept":
        assert " are Ada now; " in _told(answered)
        assert _number(answered) != number
    else:
        assert _told(answered) == f"Voice {number} is not Ada."
        assert (_number(answered), "Yes, it is Ada" in answered) == (number, False)
    assert library.voices.suggestions() == []
    assert library.acts.list()[0].kind == said
    undone = browser.post("/review/undo").text
    assert (_number(undone), "Yes, it is Ada" in undone) == (number, True)


def test_an_answer_about_somebody_who_is_not_suggested_any_more_changes_nothing(
    browser: TestClient, library: VoiceStore
) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    number = number_of(library, PEOPLE[0])
    acts = library.acts.list()
    for said in ("accept", "reject"):
        answered = browser.post(f"/review/{number}/{said}", data={"speaker": "Bob"}).text
        assert _told(answered).startswith(f"'Ada' is suggested for voice {number} now, not 'Bob'")
    assert library.acts.list() == acts


def test_a_voice_is_dismissed(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    for fields, why in (({"why": "tv"}, "tv"), ({"why": "tv", "words": " radio "}, "radio")):
        page = browser.post(f"/review/{number}/dismiss", data=fields).text
        assert _told(page) == f"Voice {number} is dismissed as {why}, with 3 appearances."
        assert [each.dismissed_as for each in library.voices.unknown(dismissed=True)] == [why]
        assert f"dismissed as {why}" in browser.get(f"/review/{number}").text
        assert _number(browser.post("/review/undo").text) == number
    assert library.voices.unknown(dismissed=True) == []


def test_two_voices_are_the_same(browser: TestClient, library: VoiceStore) -> None:
    numbers = sorted(number_of(library, person) for person in PEOPLE[1:3])
    page = browser.post(f"/review/{numbers[1]}/same", data={"other": str(numbers[0])}).text
    assert _number(page) == numbers[0]
    assert _told(page) == f"Voice {numbers[1]} is voice {numbers[0]} now, with 4 appearances."
    assert "0 of 4 voices" in page
    assert _number(browser.post("/review/undo").text) == numbers[1]


def test_a_voice_is_the_same_as_a_person(browser: TestClient, library: VoiceStore) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.42)
    number = number_of(library, PEOPLE[0])
    page = browser.post(f"/review/{number}/same", data={"other": "Ada"}).text
    assert " are Ada now; " in _told(page)


def test_a_recording_is_taken_out(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    page = browser.post(f"/review/{number}/different", data={"video": "monday"}).text
    assert (_number(page), _told(page)) == (
        number,
        f"Voice {number} is somebody else in monday.",
    )
    assert {each.video for each in library.voices.show(number)} == {"friday", "tuesday"}


def test_skipped_voices_come_back_at_the_end(browser: TestClient, library: VoiceStore) -> None:
    page, seen = browser.get("/review").text, []
    for _ in range(11):
        seen.append(_number(page))
        fields = _forms(page)[f"/review/{seen[-1]}/skip"]
        page = browser.post(f"/review/{seen[-1]}/skip", data=fields).text
    assert seen[:5] == [each.number for each in library.voices.queue()]
    assert [sorted(seen[first : first + 5]) for first in (0, 5)] == [sorted(seen[:5])] * 2
    assert library.acts.list() == []


def test_nothing_to_undo_is_told(browser: TestClient) -> None:
    assert _told(browser.post("/review/undo").text) == "There is nothing to undo."


# Refusals


def test_a_voice_that_sounds_like_somebody_else(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    library.voices.different(number, "monday")
    library.voices.name(number, "Ada", consent=CONSENT)
    monday = number_of(library, PEOPLE[0])
    page = browser.post(f"/review/{monday}/name", data={"name": "Bob"}).text
    assert _number(page) == monday
    assert "<strong>Not named Bob.</strong>" in page
    assert f"Voice {monday} sounds like &#39;Ada&#39;, who is enrolled" in page
    assert 'name="name" value="Ada"' in page  # It is Ada
    assert 'value="Bob" required' in page
    assert "--force" not in page
    forced = {"name": "Bob", "force": "true"}
    assert " are Bob now" in _told(browser.post(f"/review/{monday}/name", data=forced).text)
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
        assert (_number(page), library.acts.list()) == (number, [])
        assert "name must not" in _told(page)


def test_consent_is_asked_for_once(browser: TestClient, library: VoiceStore) -> None:
    library.privacy.require_consent()
    page = browser.get("/review").text
    number = _number(page)
    assert 'name="consent" value="" data-kept required' in page
    refused = browser.post(f"/review/{number}/name", data={"name": "Ada"}).text
    assert (_number(refused), _people(library)) == (number, [])
    assert "Say below where the consent is documented." in refused
    assert 'data-key="f"' not in refused
    fields = {"name": "Ada", "consent": "form of 3 May"}
    named = browser.post(f"/review/{number}/name", data=fields).text
    assert 'name="consent" value="form of 3 May" data-kept required' in named
    assert [each.consent.evidence for each in library.privacy.consents()] == ["form of 3 May"]
    stranger = client(library).get("/review").text
    assert 'name="consent" value="" data-kept required' in stranger


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
        assert _told(page).startswith(f"Voice {number} is 'Ada' now (named on "), act
        assert _number(page) != number
    assert _people(library) == ["Ada"]


def test_an_act_that_cannot_be_undone_any_more(browser: TestClient, library: VoiceStore) -> None:
    number = number_of(library, PEOPLE[0])
    browser.post(f"/review/{number}/name", data={"name": "Ada"})
    library.acts.undo()
    assert "undone" in _told(browser.post("/review/undo").text)
    assert _told(browser.post("/review/undo").text) == "There is nothing to undo."
    browser.post(f"/review/{number}/name", data={"name": "Ada"})
    library.people.rename("Ada", "Ida")
    page = browser.post("/review/undo").text
    assert "cannot be undone before act " in _told(page)
    assert _number(page) != number


def test_the_next_card_may_be_gone(browser: TestClient, library: VoiceStore) -> None:
    page = browser.get("/review").text
    following = int(_forms(page)[f"/review/{_number(page)}/skip"]["then"])
    library.voices.dismiss(following, "tv")
    library.voices.name(number_of(library, PEOPLE[3]), "Dan", consent=CONSENT)
    skipped = browser.post(f"/review/{_number(page)}/skip", data={"then": str(following)})
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


# Nothing to review


def test_linking_is_enabled_from_the_page(store: VoiceStore) -> None:
    for seed, (video, people) in enumerate(RECORDINGS.items()):
        record(store, video, people, seed=seed)
    browser = client(store)
    page = browser.get("/review").text
    assert "voiceprints of people who were not asked" in page
    page = browser.post("/review/enable").text
    while "Comparing the voices" in page:
        page = browser.get("/review").text
    assert _number(page)
    assert store.voices.settings().enabled
    assert len(store.voices.unknown()) == 5


def test_when_every_voice_has_an_answer(browser: TestClient, library: VoiceStore) -> None:
    for number, name in [(number_of(library, each), f"P{each[-1]}") for each in PEOPLE[:5]]:
        page = browser.post(f"/review/{number}/name", data={"name": name}).text
    assert "Every voice has an answer" in page
    assert "of speech have the names of 5 people" in page
    assert 'data-key="u"' in page


# Who may do what


def test_read_only_shows_cards_without_acts(library: VoiceStore) -> None:
    with VoiceStore.open(
        library.database.engine.url.render_as_string(hide_password=False), role="pgvoice_reader"
    ) as reading:
        browser = client(reading, read_only=True)
        page = browser.get("/review").text
        assert _number(page)
        assert [*_forms(page)] == [f"/review/{_number(page)}/skip"]
        assert 'class="clip best"' in page
        number = _number(page)
        for act, fields in (
            ("name", {"name": "Ada"}),
            ("dismiss", {"why": "tv"}),
            ("different", {"video": "monday"}),
        ):
            refused = browser.post(f"/review/{number}/{act}", data=fields)
            assert refused.status_code == 403, act
    assert library.acts.list() == []


def test_names_keys_and_texts_are_text(library: VoiceStore) -> None:
    run(library.database.engine, "UPDATE pgvoice.setting SET keep_text = true")
    turns = library.recordings.turns("monday") or []
    library.recordings.store_turns(
        "monday", [Turn(each.start, each.end, each.label, HOSTILE) for each in turns]
    )
    enroll_near(library, HOSTILE, PEOPLE[0], 0.42)
    record(library, HOSTILE, (PEOPLE[0],), seed=30)
    library.voices.link()
    browser = client(library)
    number = number_of(library, PEOPLE[0])
    pages = [
        browser.get(f"/review/{number}").text,
        browser.post(f"/review/{number}/dismiss", data={"why": HOSTILE}).text,
        browser.get(f"/review/{number}").text,
        browser.post(f"/review/{number}/accept", data={"speaker": HOSTILE}).text,
        browser.post("/review/undo").text,
        browser.post(f"/review/{number}/name", data={"name": HOSTILE + "2"}).text,
    ]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "49" not in re.findall(r"&amp;(\S+)", page)
    assert all(escape(HOSTILE[:12]) in page or "&#34;&gt;" in page for page in pages)


def test_names_complete(browser: TestClient, library: VoiceStore) -> None:
    for name in ("Ada Lovelace", "Bob", "ada", "Grace Adams", "Müller, Eva"):
        enroll_near(library, name, PEOPLE[0], 0.1)
    names = browser.get("/review/names", params={"start": "AD"}).json()
    assert names == ["ada", "Ada Lovelace", "Grace Adams"]
    assert browser.get("/review/names", params={"start": "mü"}).json() == ["Müller, Eva"]


def test_a_stranger_sees_nothing(browser: TestClient, library: VoiceStore) -> None:
    browser.cookies.clear()
    assert browser.get("/review").status_code in (401, 403)
    assert path_of(entrance_of(browser).link)


def test_sittings_are_forgotten_in_turn() -> None:
    sittings = Sittings()
    first = sittings.of("0")
    for number in range(MOST_SITTINGS):
        sittings.of(str(number))
    assert sittings.of("0") is first
    sittings.of("one more")
    assert sittings.of("0") is first
    assert sittings.of("1").shown is None
