"""The pages of acts and of the audit trail: lists, questions, undo and refusals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.reading import checksums, confirm, forms, words
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores.filled import X, Y, put
from starlette.testclient import TestClient

from pgvoice.cli.serve.pages import acts as page_of_acts
from pgvoice.store import VoiceStore


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Not changed by any test."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        yield _filled(store)


@pytest.fixture(scope="module")
def browser(library: VoiceStore) -> TestClient:
    return client(library)


def _filled(store: VoiceStore) -> VoiceStore:
    """Ann was enrolled by Mona, and renamed by somebody."""
    put(store, "v", {(0, 2): X, (2, 4): Y})
    with store.on_behalf_of("Mona"):
        store.people.enroll_segments("ann", "v", [(0, 2)])
    store.people.rename("ann", "anna")
    return store


def test_nobody_did_anything(store: VoiceStore) -> None:
    browser = client(store)
    assert "Nobody has changed anything yet" in words(browser.get("/acts"))
    assert "There is nothing" in words(browser.get("/audit"))


def test_acts_are_told_in_words(browser: TestClient) -> None:
    shown = words(browser.get("/acts"))
    assert shown.index("rename ann to anna") < shown.index("enroll ann")
    assert "Mona (via" in shown
    assert "1 person, 1 exemplar, 1 profile" in shown


def test_undoing_is_asked_first(store: VoiceStore) -> None:
    library = _filled(store)
    browser, before = client(library), checksums(library)
    asked = browser.get("/acts/undo", params={"act": 2})
    assert "Undo rename ann to anna? What becomes as it was before 1 person" in words(asked)
    assert checksums(library) == before
    done = confirm(browser, asked, "/acts/undo")
    assert "Undone: rename ann to anna (act 2)" in words(done)
    assert [each.speaker for each in library.people.speakers()] == ["ann"]
    assert "undone" in words(done).partition("Undone")[2]
    again = browser.get("/acts/undo", params={"act": 2})
    assert again.status_code == 409
    assert "cannot be undone" in words(again)


def test_a_refusal_names_the_later_act(browser: TestClient) -> None:
    asked = browser.get("/acts/undo", params={"act": 1})
    assert asked.status_code == 409
    assert "act 2 (rename ann to anna)" in words(asked)
    assert "/acts/undo?act=2&amp;back=%2Facts" in asked.text
    assert not [each for each in forms(asked) if each.action == "/acts/undo"]
    sent = browser.post("/acts/undo", data={"act": 1})
    assert "act 2 (rename ann to anna)" in words(sent)


@pytest.mark.parametrize("act", ["99", "0", "-1", str(1 << 70)])
def test_an_act_that_is_not_there(browser: TestClient, act: str) -> None:
    assert browser.get("/acts/undo", params={"act": act}).status_code == 409
    assert "no act" in words(browser.post("/acts/undo", data={"act": act}))


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_it_goes_back_to_pages_of_ours_only(browser: TestClient, back: str) -> None:
    answer = browser.post("/acts/undo", data={"act": 1, "back": back}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_pages_of_acts(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_of_acts, "SHOWN", 1)
    first = browser.get("/acts")
    assert "enroll" not in words(first).partition("audit trail")[2]
    older = browser.get("/acts", params={"before": 2})
    assert "enroll ann" in words(older)
    assert "There is nothing older" in words(browser.get("/acts", params={"before": 1}))


def test_the_audit_trail(browser: TestClient) -> None:
    shown = words(browser.get("/audit"))
    assert "enroll ann" in shown
    about = words(browser.get("/audit", params={"subject": "nobody"}))
    assert "There is nothing about “nobody”" in about


def test_a_reader_does_not_know(library: VoiceStore) -> None:
    browser = client(library, read_only=True)
    assert forms(browser.get("/acts")) == []
