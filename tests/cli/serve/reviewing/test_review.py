"""The page ``/review``: one card for each unknown voice, and what it says if none is left."""

from __future__ import annotations

import re
from html import escape, unescape

from pgvoice_testkit.cards import forms, told, voice_of
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.serving import client, entrance_of, path_of
from pgvoice_testkit.stores.unknown_voices import (
    CONSENT,
    enroll_near,
    number_of,
    record,
    record_all,
)
from pgvoice_testkit.stores.voices import PEOPLE
from starlette.testclient import TestClient

from pgvoice.cli.serve.reviewing.sittings import MOST_SITTINGS, Sittings
from pgvoice.hooks import hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterPage
from pgvoice.store import Turn, VoiceStore

#: What somebody may be called who wants to do harm.
HOSTILE = """"><script>alert(1)</script><img src=x onerror='alert(2)'>&{{ 7 * 7 }}"""


# The card


def test_the_first_card_is_of_the_voice_that_speaks_most(
    browser: TestClient, library: VoiceStore
) -> None:
    page = browser.get("/review").text
    number = number_of(library, PEOPLE[0])
    assert voice_of(page) == number
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
    assert int(after[0]) not in (int(following), voice_of(page))
    skipped = browser.post(f"/review/{voice_of(page)}/skip", data={"then": following})
    assert voice_of(skipped.text) == int(following)
    assert re.findall(r'data-next="/review/(\d+)"', skipped.text) == after


def test_a_page_that_is_only_fetched_ahead_takes_no_message(
    browser: TestClient, library: VoiceStore
) -> None:
    browser.post("/acts/undo", data={"act": "1"}, follow_redirects=False)
    number = number_of(library, PEOPLE[0])
    library.voices.name(number, "Ada", consent=CONSENT)
    ahead = browser.get(f"/review/{number}", headers={"Purpose": "prefetch"})
    assert told(ahead.text) == "Listen, and say who it is. Every answer can be undone."
    assert told(browser.get(f"/review/{number}").text).startswith(
        f"Voice {number} is 'Ada' now (named on "
    )


def _fail(*_: object) -> str:
    raise ZeroDivisionError


class _Panels:
    """A plugin that knows something about voices, and another page that fails."""

    @hookimpl
    def register_pages(self, register: RegisterPage) -> None:
        register("pitch", None, title="Pitch", panels={"voice": lambda _, number: f"<{number}>"})
        register("broken", None, title="Broken", panels={"voice": _fail})


def test_panels_of_plugins_are_on_the_card(library: VoiceStore) -> None:
    installed.manager.cache_clear()
    try:
        installed.manager().register(_Panels(), "panels")
        page = client(library).get(f"/review/{number_of(library, PEOPLE[0])}").text
    finally:
        installed.manager.cache_clear()
    assert f"&lt;{number_of(library, PEOPLE[0])}&gt;" in page
    assert "ZeroDivisionError" in page


# Nothing to review


def test_linking_is_enabled_from_the_page(store: VoiceStore) -> None:
    record_all(store)
    browser = client(store)
    page = browser.get("/review").text
    assert "voiceprints of people who were not asked" in page
    page = browser.post("/review/enable").text
    while "Comparing the voices" in page:
        page = browser.get("/review").text
    assert voice_of(page)
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
        assert voice_of(page)
        assert [*forms(page)] == [f"/review/{voice_of(page)}/skip"]
        assert 'class="clip best"' in page
        number = voice_of(page)
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
