"""The page of a recording: what it shows of whom, and from which answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import transcripts, unknown_voices
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, put
from pgvoice_testkit.stores.transcripts import ADA
from sqlalchemy import text
from starlette.testclient import TestClient

from pgvoice.hooks import hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterPage
from pgvoice.store import Turn, VoiceStore
from pgvoice.store.keys import SegmentKey

#: What must not reach a browser as it is.
HOSTILE = """<script>alert(1)</script><img src=x onerror='alert(1)'>"' onclick="alert(1)"""
KEYS = ("a/b", "../../x", "%2F..%2f", "a b\tc", "k" * 500, "\N{PARTY POPPER} ü", "?v=1&w#x", "'\"")


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Two recordings, of which monday has stored labels; no test changes it."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        transcripts.library(store).labels.label(["monday"])
        yield store


@pytest.fixture(scope="module")
def page(library: VoiceStore) -> TestClient:
    return client(library)


def recording(page: TestClient, video: str, **asked: object) -> str:
    """The page of a recording, which must be there."""
    answer = page.get(f"/recording?{urlencode({'video': video} | asked)}")
    assert answer.status_code == 200, answer.text
    return answer.text


def lanes(shown: str) -> list[str]:
    return re.findall(r'<g role="group" aria-label="([^"]*), [\d:.]+"', shown)


def test_people_have_lanes_above_unknown_voices(library: VoiceStore, page: TestClient) -> None:
    shown = recording(page, "monday")
    number = unknown_voices.number_of(library, transcripts.RECORDINGS["monday"][1])
    assert lanes(shown) == [ADA, f"voice {number}"]
    assert f'href="/review/{number}"' in shown
    assert 'href="/person?name=Ada+Lovelace"' in shown


def test_every_turn_plays_from_timeline_and_table(library: VoiceStore, page: TestClient) -> None:
    shown, _, _ = recording(page, "monday").partition('id="labels"')
    for turn in library.recordings.turns("monday") or []:
        clip = f"/clips?video=monday&amp;start={turn.start:.3f}&amp;end={turn.end:.3f}"
        assert len(re.findall(rf'class="clip" href="{re.escape(clip)}"', shown)) == 2


def test_blocks_tell_similarity_and_reason(library: VoiceStore, page: TestClient) -> None:
    first = library.answers.identify("monday")[0]
    shown = recording(page, "monday", answers="now")
    assert first.similarity is not None
    told = f"similarity {first.similarity:.2f}"
    assert re.search(rf'aria-label="{ADA}, 0:00:00.0 to [\d:.]+, {re.escape(told)}, sounds', shown)


def test_it_says_which_answers_are_shown(page: TestClient) -> None:
    assert "no label is stored" in recording(page, "tuesday")
    assert "<strong>stored labels</strong>" in recording(page, "monday")
    now = recording(page, "monday", answers="now")
    assert "answers as of now" in now
    assert "The stored labels say the same" in now


def test_labels_that_are_out_of_date_are_marked(store: VoiceStore) -> None:
    library = transcripts.library(store)
    library.labels.label()
    page = client(library)
    turns = library.recordings.turns("tuesday") or []
    spans = [(each.start, each.end) for each in turns if each.label == "SPEAKER_00"]
    library.people.enroll_segments("Bob", "tuesday", spans, consent="form", force=True)
    now = recording(page, "tuesday", answers="now")
    differing = re.search(r"The stored labels differ in (\d+) turns", now)
    assert differing is not None
    assert now.count("stored: nobody") == int(differing[1]) > 1
    library.people.remove(ADA)
    assert "the person was removed" in recording(page, "monday")


def test_overlap_is_shown(store: VoiceStore) -> None:
    put(store, "v", {(0, 1.5): X, (1, 3.5): Y})
    store.recordings.store_turns("v", [Turn(0, 1.5, "A"), Turn(1.0, 3.5, "B")])
    shown = recording(client(store), "v")
    assert shown.count("0.5 s of it overlap with others") == 2
    assert "<th>Text</th>" not in shown, "the store keeps no text"
    spans = SegmentKey(0, 1500), SegmentKey(1000, 3500)
    assert store.recordings.overlaps("v") == dict.fromkeys(spans, 0.5)


def test_what_was_said_is_shown(page: TestClient) -> None:
    shown = recording(page, "monday")
    assert '<td class="text">Hello there</td>' in shown
    assert "hello again &amp; &lt;b&gt;again&lt;/b&gt;" in shown


def test_any_key_has_a_page(store: VoiceStore) -> None:
    for key in KEYS:
        put(store, key, {(0, 1): X, (1, 3): Y})
    page = client(store)
    for key in KEYS:
        clips = re.findall(r'href="(/clips[^"]*)"', recording(page, key))
        assert len(clips) == 4
        there = f"/clips?{urlencode({'video': key})}&amp;start="
        assert all(clip.startswith(there) for clip in clips), key
    links = re.findall(r'href="(/recording\?video=[^"]*)"', page.get("/library").text)
    headings = [re.findall(r"<h1[^>]*>(.*?)</h1>", page.get(unescape(link)).text) for link in links]
    titles = {unescape(heading) for (heading,) in headings}
    assert titles == set(KEYS)


def test_nothing_that_people_wrote_is_markup(store: VoiceStore) -> None:
    transcripts.keep_text(store)
    put(store, HOSTILE, {(0, 2): X, (2, 4): Y})
    turns = [Turn(0, 2, HOSTILE, HOSTILE), Turn(2, 4, HOSTILE, HOSTILE)]
    store.recordings.store_turns(HOSTILE, turns)
    store.people.enroll_segments(HOSTILE, HOSTILE, [(0, 2)], min_speech=1, force=True)
    store.labels.label()
    store.labels.pin(HOSTILE, (2, 4), HOSTILE, holds=False)
    page = client(store)
    for shown in (
        recording(page, HOSTILE),
        recording(page, HOSTILE, answers="now"),
        page.get("/library", params={"q": "<script>"}).text,
        page.get("/search", params={"q": HOSTILE}).text,
        page.get("/search", params={"q": "<script>", "kind": "text"}).text,
        page.get("/search", params={"q": f"x{HOSTILE}"}).text,
        page.get("/recording", params={"video": f"x{HOSTILE}"}).text,
    ):
        assert "<script>alert" not in shown
        assert "<img" not in shown
        assert "&lt;" in shown
        assert not re.search(r'<[a-z][^<>]*" onclick=', shown)


def test_an_unknown_recording_is_not_found(page: TestClient) -> None:
    answer = page.get("/recording?video=nope")
    assert answer.status_code == 404
    assert "nope" in answer.text


def test_a_place_that_is_none_is_refused(page: TestClient) -> None:
    for asked in ("from=-1", "from=nan", "from=x", "answers=maybe", "to=1e99"):
        assert page.get(f"/recording?video=monday&{asked}").status_code == 422, asked


def test_a_recording_without_turns_shows_its_segments(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 3): Y, (3, 3.2): "too_short"})
    shown = recording(client(store), "v")
    assert shown.count("<tr>") == 1 + 3
    assert "too short for a vector" in shown


def test_an_empty_recording_says_so(store: VoiceStore) -> None:
    put(store, "v", {})
    store.recordings.store_turns("v", [])
    shown = recording(client(store), "v")
    assert "Nobody speaks in this recording" in shown
    assert "<table" not in shown


def test_a_recording_of_a_store_without_vectors_shows_its_turns(store: VoiceStore) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text("INSERT INTO pgvoice.video (key) VALUES ('v')"))
    store.recordings.store_turns("v", [Turn(0, 2, "A")])
    shown = recording(client(store), "v")
    assert "not filled yet" in shown
    assert "Export" not in shown


def test_a_long_recording_is_shown_in_windows(store: VoiceStore) -> None:
    put(store, "v", {(3.0 * at, 3.0 * at + 2): _unit(at) for at in range(3000)})
    store.recordings.store_turns(
        "v", [Turn(3.0 * at, 3.0 * at + 2, f"S{at % 7}") for at in range(3000)]
    )
    page = client(store)
    shown = recording(page, "v")
    assert "0:00:00.0 to 0:10:00.0 of 2:29:59.0" in shown
    assert shown.count("<tr>") == 1 + 100 + 1 + 7
    seen, link = set[str](), "/recording?video=v&from=8000&to=9000"
    while link:
        shown = page.get(link).text
        seen |= set(re.findall(r'aria-label="Play (\d[\d:.]*) to', shown))
        following = re.search(r'href="(/recording[^"]*)#turns">Next turns', shown)
        link = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len([at for at in range(3000) if 3 * at + 2 > 8000])
    whole = recording(page, "v", **{"from": 0, "to": 9000})
    assert len(re.findall("<rect", whole)) < 2000
    assert "turns, 0:" in whole, "close turns are one block, which leads to its part"


def _unit(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    vector = np.random.default_rng(seed).normal(size=3)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_a_reader_gets_no_forms(library: VoiceStore) -> None:
    with VoiceStore.open(plain(library.database.engine.url), role="pgvoice_reader") as reader:
        page = client(reader, read_only=True)
        shown = recording(page, "monday")
        assert 'method="post"' not in shown
        assert lanes(shown)[0] == ADA
        said = {"video": "monday", "says": "is", "name": ADA, "label": "SPEAKER_01"}
        assert page.post("/recording/say", data=said).status_code == 403
    assert library.labels.words("monday") == []


def test_of_a_long_turn_the_beginning_is_heard(store: VoiceStore) -> None:
    put(store, "v", {(5, 200): X})
    shown = recording(client(store), "v")
    clips = set(re.findall(r"/clips[^\"]*start=([\d.]+)&amp;end=([\d.]+)", shown))
    assert clips == {("5.000", "65.000")}


def test_an_encoder_can_be_chosen(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    put(store, "v", {(0, 1): X}, OTHER_ENCODER)
    page = client(store)
    shown = recording(page, "v")
    options = re.findall(r'<option value="(toy@[^"]*)"( selected)?>', shown)
    assert options == [(str(ENCODER), " selected"), (str(OTHER_ENCODER), "")]
    assert shown.count("<tr>") == 1 + 2
    assert recording(page, "v", encoder=str(OTHER_ENCODER)).count("<tr>") == 1 + 1
    store.encoders.make_default(OTHER_ENCODER)
    assert recording(page, "v").count("<tr>") == 1 + 1
    assert page.get("/recording?video=v&encoder=nope").status_code == 404


class Notes:
    """A plugin with a panel beside recordings."""

    @hookimpl
    def register_pages(self, register: RegisterPage) -> None:
        register("notes", None, panels={"recording": lambda _, video: f"<i>{video}</i>"})


def test_panels_of_plugins_are_shown(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    installed.manager.cache_clear()
    installed.manager().register(Notes(), "notes")
    try:
        assert "&lt;i&gt;v&lt;/i&gt;" in recording(client(store), "v")
    finally:
        installed.manager.cache_clear()
