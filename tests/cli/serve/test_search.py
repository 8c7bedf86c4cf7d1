"""Searching by name, by sound, and by what was said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import transcripts, unknown_voices
from pgvoice_testkit.stores.filled import X, put
from pgvoice_testkit.stores.transcripts import ADA
from pgvoice_testkit.stores.voices import PEOPLE
from starlette.testclient import TestClient

from pgvoice.cli.serve.pages.search import SHOWN
from pgvoice.cli.serve.searching.finding import NOT_ALLOWED, NOT_KEPT, marked
from pgvoice.store import SegmentKey, Turn, VoiceStore


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Two recordings, of which monday has stored labels; no test changes it."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        transcripts.library(store).labels.label(["monday"])
        yield store


@pytest.fixture(scope="module")
def page(library: VoiceStore) -> TestClient:
    return client(library)


def search(browser: TestClient, status: int = 200, **asked: object) -> str:
    answer = browser.get("/search", params={name: str(value) for name, value in asked.items()})
    assert answer.status_code == status, answer.text
    return answer.text


def hits(shown: str) -> list[str]:
    """The words of each result."""
    found = re.findall(r"<li>(.*?)</li>", shown.partition('id="results"')[2], re.DOTALL)
    return [unescape(" ".join(re.sub(r"<[^>]*>", " ", each).split())) for each in found]


def clips(shown: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="(/clips[^"]*)"', shown)]


def test_where_somebody_speaks(library: VoiceStore, page: TestClient) -> None:
    shown = search(page, q=f" {ADA} ")
    found = library.answers.appearances(ADA)
    assert len(hits(shown)) == len(found) > 3
    assert clips(shown)[0].startswith(f"/clips?video={found[0].video}&start={found[0].start:.3f}")
    assert all(ADA in hit for hit in hits(shown))
    assert f"{found[0].similarity:.2f}" in hits(shown)[0]


def test_a_part_of_a_name_finds_people(page: TestClient) -> None:
    shown = search(page, q="lovelace")
    assert '<a class="chip" href="/search?kind=name&amp;q=Ada+Lovelace">' in shown
    assert "Nobody is called nope." in search(page, q="nope")


def test_an_unknown_voice_is_found_by_its_number(library: VoiceStore, page: TestClient) -> None:
    number = unknown_voices.number_of(library, PEOPLE[1])
    assert len(hits(search(page, q=f"voice {number}"))) == 1
    assert "no unknown voice" in search(page, 404, q="voice 99999")


def test_what_was_said(library: VoiceStore, page: TestClient) -> None:
    shown = search(page, kind="text", q="HELLO")
    assert len(hits(shown)) == 4
    assert f"{ADA} in monday" in hits(shown)[0]
    assert "<mark>Hello</mark> there" in shown
    assert "<mark>hello</mark> again &amp; &lt;b&gt;again&lt;/b&gt;" in shown
    assert "Nobody said that." in search(page, kind="text", q="nope")


def test_nothing_is_marked_that_would_break_markup(page: TestClient) -> None:
    shown = search(page, kind="text", q="<b>")
    assert "again &amp; <mark>&lt;b&gt;</mark>again&lt;/b&gt;" in shown
    assert "<b>" not in shown
    shown = search(page, kind="text", q="&")
    assert "again <mark>&amp;</mark> &lt;b&gt;" in shown


@pytest.mark.parametrize(
    ("text", "query", "pieces"),
    [
        ("Ada and ADA", "ada", [("Ada", True), (" and ", False), ("ADA", True)]),
        ("a.c abc", "a.c", [("a.c", True), (" abc", False)]),
        ("nothing", "x", [("nothing", False)]),
        ("\u0130stanbul", "stan", [("\u0130", False), ("stan", True), ("bul", False)]),
    ],
)
def test_text_is_marked(text: str, query: str, pieces: list[tuple[str, bool]]) -> None:
    assert marked(text, query) == pieces


def test_it_says_if_no_text_is_kept(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    shown = search(client(store), kind="text", q="hello")
    assert unescape(re.findall(r'class="empty long">(.*?)</p>', shown)[0]) == NOT_KEPT


def test_what_sounds_like_a_turn(library: VoiceStore, page: TestClient) -> None:
    shown = search(page, kind="sound", video="monday", start=5.5, end=11.5)
    found = library.answers.similar("monday", (5.5, 11.5), limit=50)
    assert len(hits(shown)) == len(found)
    best = hits(shown)[0]
    assert f"in {found[0].video}" in best
    assert f"{found[0].similarity:.2f}" in best
    number = unknown_voices.number_of(library, PEOPLE[1])
    assert {word for hit in hits(shown) for word in re.findall(r"Ada|voice \d+|nobody", hit)} >= {
        "Ada",
        f"voice {number}",
    }
    elsewhere = search(page, kind="sound", video="monday", start=5.5, end=11.5, elsewhere="true")
    assert all("in tuesday" in hit for hit in hits(elsewhere))


def test_what_sounds_like_an_unknown_voice(library: VoiceStore, page: TestClient) -> None:
    number = unknown_voices.number_of(library, PEOPLE[1])
    shown = search(page, kind="sound", voice=number)
    assert f'<a href="/review/{number}">voice {number}</a> in' in shown
    assert f"voice {number}" in hits(shown)[0]


def test_a_turn_of_the_recordings_page_leads_there(page: TestClient) -> None:
    link = "/search?kind=sound&amp;video=monday&amp;start=0.0&amp;end=1.5"
    assert f'href="{link}"' in page.get("/recording?video=monday").text
    assert hits(page.get(unescape(link)).text)


def test_what_cannot_be_compared_is_told(page: TestClient) -> None:
    for asked in ({"video": "nope", "start": 0}, {"video": "monday", "start": 900}):
        assert 'class="empty long"' in search(page, 404, kind="sound", end=901, **asked)
    assert "choose “What sounds like this?”" in search(page, kind="sound")
    for bad in ({"start": "nan"}, {"page": 0}, {"voice": 0}, {"kind": "smell"}, {"q": "x" * 1001}):
        search(page, 422, **bad)


def test_results_come_in_pages(store: VoiceStore) -> None:
    transcripts.keep_text(store)
    number = 2 * SHOWN + 7
    put(store, "v", {(at, at + 1.0): X for at in range(number)})
    store.recordings.store_turns(
        "v", [Turn(at, at + 1.0, "A", f"word {at}") for at in range(number)]
    )
    store.people.enroll_segments("Ann", "v", [(0, 1), (1, 2)], min_speech=1, force=True)
    page = client(store)
    for asked in (
        {"q": "Ann"},
        {"q": "word", "kind": "text"},
        {"kind": "sound", "video": "v", "start": 0, "end": 1},
    ):
        found = [hits(search(page, **asked, page=place)) for place in (1, 2, 3, 4)]
        last = number - 2 * SHOWN - (asked.get("kind") == "sound")
        assert [len(each) for each in found] == [SHOWN, SHOWN, last, 0], asked
        assert len({hit for each in found for hit in each}) == 2 * SHOWN + last
        assert 'data-key="f"' in search(page, **asked)
        assert 'data-key="f"' not in search(page, **asked, page=3)


def test_who_speaks_in_segments_of_several_recordings(library: VoiceStore) -> None:
    monday, tuesday = SegmentKey(0, 1500), SegmentKey(0, 1500)
    number = unknown_voices.number_of(library, PEOPLE[2])
    found = library.labels.of_segments(
        [("tuesday", tuesday), ("nope", monday), ("monday", monday), ("monday", SegmentKey(1, 2))]
    )
    assert [(each.video, each.label, each.speaker, each.voice) for each in found] == [
        ("tuesday", "SPEAKER_00", None, number),
        ("nope", None, None, None),
        ("monday", "SPEAKER_00", ADA, None),
        ("monday", None, None, None),
    ]
    assert library.labels.of_segments([]) == []


def test_a_reader_may_not_compare(library: VoiceStore) -> None:
    url = plain(library.database.engine.url)
    with VoiceStore.open(url, role="pgvoice_reader") as reader:
        page = client(reader, read_only=True)
        shown = search(page, kind="sound", video="monday", start=0, end=1.5)
        assert NOT_ALLOWED in shown
        assert hits(shown) == []
        assert hits(search(page, q=ADA))
        assert hits(search(page, kind="text", q="hello"))
    with VoiceStore.open(url, role="pgvoice_searcher") as searcher:
        page = client(searcher, read_only=True)
        assert hits(search(page, kind="sound", video="monday", start=0, end=1.5))
