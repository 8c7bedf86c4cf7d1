"""The page of a person: what it shows, every act with its question and its undo, and erasing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from httpx2 import Response
from pgvoice_testkit.reading import checksums, confirm, elements, forms, undo, words
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores.enrolled import enroll
from pgvoice_testkit.stores.filled import X, Y, Z, put, unit
from starlette.testclient import TestClient

from pgvoice.hooks import hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterPage
from pgvoice.store import VoiceStore

NEAR_X = [unit(1, 0.1, 0), unit(1, 0.2, 0), unit(1, 0, 0.1), unit(1, 0, 0.2)]
#: What a page changes: where it asks, with which values, and what it says afterwards.
QUESTIONS = [
    ("/person/drop", {"exemplar": "1"}, "An exemplar of ann was dropped; 5 exemplars left"),
    ("/person/outliers", {}, "1 exemplar of ann left out of the profile"),
    ("/person/merge", {"into": "bob", "force": "true"}, "ann was merged into bob"),
    (
        "/person/split",
        {"into": "eve", "exemplar": "6", "evidence": "a form"},
        "1 exemplar of ann moved to eve",
    ),
]
FORMS = [
    ("/person/rename", {"new": "anna"}, "ann is called anna now"),
    (
        "/person/consent",
        {"evidence": "form 7", "until": "2040-02-29", "purpose": "subtitles"},
        "A consent of ann was stored",
    ),
]


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Tests undo what they change in it."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        yield _filled(store)


@pytest.fixture(scope="module")
def browser(library: VoiceStore) -> TestClient:
    return client(library)


def _filled(store: VoiceStore) -> VoiceStore:
    """Ann has an exemplar that does not fit, and is heard in two recordings; bob in one."""
    vectors = [X, *NEAR_X, Z, unit(0, 0.1, 1)]
    put(store, "v", {(2 * n, 2 * n + 2): vector for n, vector in enumerate(vectors)})
    put(store, "w", {(0, 3): X, (5, 7): Y})
    store.people.enroll_segments("ann", "v", [(2 * n, 2 * n + 2) for n in range(5)])
    store.people.enroll_segments("ann", "w", [(5, 7)], force=True)
    store.people.enroll_segments("bob", "v", [(10, 12), (12, 14)])
    store.labels.label()
    return store


def _page(browser: TestClient, name: str = "ann") -> Response:
    answer: Response = browser.get("/person", params={"name": name})
    return answer


def test_what_it_shows(library: VoiceStore, browser: TestClient) -> None:
    page = _page(browser)
    shown = words(page)
    assert "in 2 recordings, by the stored labels" in shown
    assert page.text.count('class="tag">does not fit') == 1
    assert "/clips?video=v&amp;start=0.000&amp;end=2.000" in page.text
    assert "bob" in shown.partition("Nearest other people")[2]
    assert page.text.count('class="lane"') == 2
    assert 'href="/recording?video=w"' in page.text


def test_an_exemplar_from_a_file_outside_the_library(
    library: VoiceStore, browser: TestClient
) -> None:
    enroll(library, "eve", Y, force=True)
    page = _page(browser, "eve")
    library.acts.undo()
    assert "eve.wav (a file outside the library)" in words(page)
    assert "/clips" not in page.text.partition("Exemplars")[2].partition("Nearest other")[0]


@pytest.mark.parametrize(("path", "values", "told"), QUESTIONS)
def test_a_question_changes_nothing_its_answer_does_and_undo_takes_it_back(
    library: VoiceStore, browser: TestClient, path: str, values: dict[str, str], told: str
) -> None:
    before = checksums(library)
    asked = browser.get(path, params={"name": "ann", **values})
    assert asked.status_code == 200, words(asked)
    assert "Nothing has changed yet" in words(asked)
    assert checksums(library) == before
    done = confirm(browser, asked, path)
    assert told in words(done)
    assert checksums(library) != before
    undone = undo(browser, done)
    assert "Undone: " in words(undone)
    assert _changed(before, checksums(library)) <= {"nearest", "compared_profile"}


@pytest.mark.parametrize(("path", "values", "told"), FORMS)
def test_a_form_and_its_undo(
    library: VoiceStore, browser: TestClient, path: str, values: dict[str, str], told: str
) -> None:
    before = checksums(library)
    done = confirm(browser, _page(browser), path, **values)
    assert told in words(done)
    assert checksums(library) != before
    undo(browser, done)
    assert _changed(before, checksums(library)) <= {"nearest", "compared_profile"}


def _changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
    return {table for table in after if after[table] != before[table]}


def test_what_was_left_out_is_taken_back(library: VoiceStore, browser: TestClient) -> None:
    library.people.drop_outliers("ann")
    page = _page(browser)
    assert "left out" in words(page)
    done = confirm(browser, page, "/person/restore")
    assert "1 exemplar of ann taken back into the profile" in words(done)
    undo(browser, done)
    assert [each.excluded for each in library.people.exemplars("ann")].count(True) == 1
    library.acts.undo()


REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("/person/merge", {"into": "bob"}, "do not sound like one person"),
    ("/person/merge", {"into": "ann"}, "cannot be merged into itself"),
    ("/person/merge", {"into": "nobody"}, "no speaker 'nobody'"),
    ("/person/drop", {"exemplar": "99"}, "no exemplar 99"),
    ("/person/split", {"into": "eve", "exemplar": "99"}, "no exemplar 99"),
]


@pytest.mark.parametrize(("path", "values", "told"), REFUSED)
def test_a_refusal_has_no_button(
    browser: TestClient, path: str, values: dict[str, str], told: str
) -> None:
    asked = browser.get(path, params={"name": "ann", **values})
    assert asked.status_code == 409
    assert told in words(asked)
    assert not [each for each in forms(asked) if each.action == path]
    sent = browser.post(path, data={"name": "ann", **values})
    assert told in words(sent)


def test_a_part_of_a_name_offers_whom_it_may_mean(browser: TestClient) -> None:
    asked = browser.get("/person/merge", params={"name": "ann", "into": "BO"})
    assert "Who is meant? bob" in words(asked)
    assert "/person/merge?name=ann&amp;into=bob" in asked.text
    assert "force=true" not in asked.text


def test_merging_all_the_same(browser: TestClient) -> None:
    asked = browser.get("/person/merge", params={"name": "ann", "into": "bob"})
    assert "force=true" in asked.text
    asked = browser.get("/person/merge", params={"name": "ann", "into": "bob", "force": "true"})
    assert "exemplars that become those of bob, unless they are there already 6" in words(asked)


def test_exemplars_to_split_are_suggested(library: VoiceStore, browser: TestClient) -> None:
    before = checksums(library)
    chosen = browser.get("/person/split", params={"name": "ann", "suggest": "true"})
    assert chosen.text.count(" checked") == 1
    assert checksums(library) == before
    one_voice = browser.get("/person/split", params={"name": "bob", "suggest": "true"})
    assert "sound like one person" in words(one_voice)
    nobody = browser.get("/person/split", params={"name": "ann", "into": "eve"})
    assert "Choose exemplars" in words(nobody)


def test_a_consent_that_is_none(library: VoiceStore, browser: TestClient) -> None:
    page = _page(browser)
    for values, told in (
        ({"until": "someday"}, "'someday' is not a date"),
        ({"purpose": " "}, "does not say to what"),
    ):
        assert told in words(confirm(browser, page, "/person/consent", **values))
    assert library.privacy.consents("ann") == []


def test_withdrawing_says_what_it_deletes(store: VoiceStore) -> None:
    browser = client(_filled(store))
    asked = browser.get("/person/withdraw", params={"name": "ann"})
    assert "exemplars that are deleted 6" in words(asked)
    assert "This cannot be undone" in words(asked)
    done = confirm(browser, asked, "/person/withdraw")
    assert "The consent of ann was withdrawn, and 6 exemplars deleted" in words(done)
    assert not [each for each in forms(done) if "act" in each.values]
    assert "is not named any more: the consent is withdrawn" in words(done)


def test_erasing_takes_a_typed_word(store: VoiceStore) -> None:
    browser, before = client(_filled(store)), checksums(store)
    asked = browser.get("/person/erase", params={"name": "ann"})
    assert "exemplars 6 profiles 1" in words(asked)
    assert "This cannot be undone" in words(asked)
    refused = confirm(browser, asked, "/person/erase", with_segments="true", typed="yes")
    assert "nothing was erased" in words(refused)
    assert checksums(store) == before
    done = confirm(browser, asked, "/person/erase", with_segments="true", typed=" Erase ")
    assert "ann was erased" in words(done)
    assert "backups" in words(done)
    assert [each.speaker for each in store.people.speakers()] == ["bob"]
    assert _page(browser).status_code == 404


@pytest.mark.parametrize("number", ["0", "-5", str(1 << 63), "9" * 30, "1.5", "x"])
def test_a_number_that_no_exemplar_has(browser: TestClient, number: str) -> None:
    for path in ("/person/drop", "/person/split"):
        values = {"name": "ann", "into": "eve", "exemplar": number}
        assert browser.get(path, params=values).status_code == 422
        assert browser.post(path, data=values).status_code == 422


@pytest.mark.parametrize(
    "send",
    [
        lambda browser: browser.post("/person/rename", data={"name": "ann", "new": "bob"}),
        lambda browser: browser.post("/person/rename", data={"name": "ann", "new": " "}),
        lambda browser: browser.post("/person/rename", data={"name": "eve", "new": "x"}),
    ],
)
def test_a_new_name_that_is_refused(
    library: VoiceStore, browser: TestClient, send: Callable[[TestClient], Response]
) -> None:
    before = checksums(library)
    assert send(browser).status_code in (200, 404)
    assert checksums(library) == before


def test_a_reader_sees_no_consent(library: VoiceStore) -> None:
    library.privacy.grant_consent("ann", "form 4711")
    page = client(library, read_only=True).get("/person", params={"name": "ann"})
    assert page.status_code == 200
    library.acts.undo()
    assert "form 4711" not in page.text
    assert forms(page) == []


class _Tall:
    """Shows a panel beside each person."""

    @hookimpl
    def register_pages(self, register: RegisterPage) -> None:
        register("tall", None, title="Height", panels={"person": lambda _, name: f"<b> {name}"})


def test_a_plugins_panel(library: VoiceStore) -> None:
    installed.manager.cache_clear()
    installed.manager().register(_Tall(), "tall")
    try:
        page = _page(client(library))
    finally:
        installed.manager.cache_clear()
    assert "Height <b> ann" in words(page)
    assert "b" not in elements(page)
