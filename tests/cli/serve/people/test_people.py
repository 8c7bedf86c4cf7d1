"""The page of people: what it lists, in which order, and for thousands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pgvoice_testkit.reading import elements, row_names, statements, words
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores.filled import X, Y, Z, put, unit
from starlette.testclient import TestClient

from pgvoice.store import Consent, VoiceStore
from pgvoice.store.people.overview import PeopleOrder

#: Names as somebody may have them, or as an attacker gives them.
STRANGE = [
    "x" * 500,
    "\N{STUDIO MICROPHONE} Ada",
    "AC/DC 100%",
    "a&b=c?d#e+f",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "Tōkyō \u202egnirts",
    "  two  blanks ",
]


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Not changed by any test."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        yield _filled(store)


@pytest.fixture(scope="module")
def browser(library: VoiceStore) -> TestClient:
    return client(library)


def _filled(store: VoiceStore) -> VoiceStore:
    """Ann and bob are heard in two recordings; Zoë has the same voice as ann."""
    put(store, "v", {(0, 2): X, (2, 4): unit(1, 0.1, 0), (4, 6): Y, (6, 8): unit(0.1, 1, 0)})
    put(store, "w", {(0, 5): X, (5, 6): Z})
    store.people.enroll_segments("ann", "v", [(0, 2), (2, 4)])
    store.people.enroll_segments("bob", "v", [(4, 6), (6, 8)])
    store.labels.label()
    store.people.enroll_segments("Zoë", "w", [(0, 5)], force=True)
    return store


def test_nobody_is_enrolled(store: VoiceStore) -> None:
    assert "Nobody has a name yet" in words(client(store).get("/people"))


def test_everybody_is_listed(browser: TestClient) -> None:
    page = browser.get("/people")
    shown = words(page)
    assert "3 people" in shown
    assert row_names(page) == ["ann", "bob", "Zoë"]
    assert "9 s in 2 recordings last in w" in shown
    assert "2 exemplars, 4 s cohesion" in shown
    assert shown.count("could be one person") == 2


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("speech", ["ann", "bob", "Zoë"]),
        ("heard", ["ann", "bob", "Zoë"]),
        ("exemplars", ["ann", "bob", "Zoë"]),
        ("cohesion", ["ann", "bob", "Zoë"]),
        ("resemblance", ["ann", "Zoë", "bob"]),
        ("consent", ["ann", "bob", "Zoë"]),
    ],
)
def test_an_order(library: VoiceStore, order: PeopleOrder, names: list[str]) -> None:
    found = library.people.overview(order=order)
    assert [each.speaker for each in found.people] == names


def test_a_part_of_a_name(browser: TestClient) -> None:
    assert "1 person with “ZO” in the name" in words(browser.get("/people", params={"q": "ZO"}))
    assert "Nobody's name contains “%”" in words(browser.get("/people", params={"q": "%"}))


def test_consents(store: VoiceStore) -> None:
    library = _filled(store)
    library.privacy.grant_consent("ann", "a form")
    library.privacy.grant_consent("bob", Consent("bob"))
    library.privacy.withdraw_consent("bob")
    library.privacy.require_consent()
    states = {each.speaker: each.consent for each in library.people.overview().people}
    assert states == {"ann": "valid", "bob": "withdrawn", "Zoë": "missing"}
    shown = words(client(library).get("/people", params={"order": "consent"}))
    assert shown.index("withdrawn") < shown.index("ann Listen") < shown.index("valid")


def test_a_strange_name_is_only_a_name(store: VoiceStore) -> None:
    put(store, "v", {(2 * n, 2 * n + 2): X for n in range(len(STRANGE))})
    for n, name in enumerate(STRANGE):
        store.people.enroll_segments(name, "v", [(2 * n, 2 * n + 2)], force=True)
    browser = client(store)
    listed = browser.get("/people")
    for name in STRANGE:
        pages = [
            listed,
            browser.get("/people", params={"q": name}),
            browser.get("/person", params={"name": name}),
            browser.get("/person/erase", params={"name": name}),
            browser.get("/person/merge", params={"name": name, "into": STRANGE[0]}),
            browser.get("/audit", params={"subject": name}),
        ]
        for page in pages:
            assert page.status_code in (200, 409)
            assert " ".join(name.split()) in words(page)
            assert "img" not in elements(page)
            assert page.text.count("<script") == 1


@pytest.mark.parametrize("name", ["\0", "a\0b", "nobody"])
def test_somebody_who_is_not_there(browser: TestClient, name: str) -> None:
    assert browser.get("/person", params={"name": name}).status_code == 404
    assert browser.get("/people", params={"q": name}).status_code < 500


@pytest.mark.parametrize("query", ["page=0", "page=x", "order=x"])
def test_what_is_not_understood(browser: TestClient, query: str) -> None:
    assert browser.get(f"/people?{query}").status_code == 422


def test_thousands_of_people_are_paged_by_one_statement(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    vectors = np.random.default_rng(4).normal(size=(2000, 3))
    listed = ", ".join(f"({n}, '[{x:.4f},{y:.4f},{z:.4f}]')" for n, (x, y, z) in enumerate(vectors))
    run(
        store.database.engine,
        "INSERT INTO pgvoice.speaker (name) SELECT lpad(CAST(n AS text), 4, '0')"
        " FROM generate_series(0, 1999) AS n",
        "INSERT INTO pgvoice.profile"
        " (speaker_id, encoder_id, dimension, embedding, exemplars, cohesion)"
        " SELECT s.id, 1, 3, public.l2_normalize(CAST(g.vector AS public.vector)), 1, 1"
        f" FROM (VALUES {listed}) AS g(n, vector)"
        " JOIN pgvoice.speaker AS s ON s.name = lpad(CAST(g.n AS text), 4, '0')",
    )
    browser = client(store)
    ran = statements(store)
    page = browser.get("/people", params={"page": 40})
    assert "2,000 people" in words(page)
    assert row_names(page) == [str(number) for number in range(1950, 2000)]
    assert len([each for each in ran if "set_config" not in each]) == 1
    assert "There is nobody on this page" in words(browser.get("/people", params={"page": 41}))


def test_read_only_pages_change_nothing(library: VoiceStore) -> None:
    browser = client(library, read_only=True)
    for path in ("/people", "/person?name=ann", "/trust", "/acts"):
        page = browser.get(path)
        assert page.status_code == 200
        assert 'method="post"' not in page.text
