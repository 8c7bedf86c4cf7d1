"""Lists come in pages, whose joined items are the list, also while it grows."""

from __future__ import annotations

from typing import Any

import pytest
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore

API = "/api/v1"
LISTS = {
    "/recordings": {},
    "/recordings/summaries": {},
    "/coverage": {},
    "/turns": {"video": "monday"},
    "/answers": {"video": "monday"},
    "/appearances": {"name": "Ada"},
    "/search": {"text": "sentence"},
    "/labels": {"video": "monday"},
    "/runs": {},
    "/speaker_time": {},
    "/voices": {},
    "/voices/1/appearances": {},
    "/voices/1/clips": {},
    "/people": {},
    "/person/recordings": {"name": "Ada"},
    "/profiles": {},
    "/exemplars": {"name": "Ada"},
    "/consents": {},
    "/acts": {},
    "/audit": {},
}


@pytest.mark.parametrize("path", LISTS)
def test_joined_pages_are_the_list(path: str, api: TestClient) -> None:
    whole = api.get(API + path, params=LISTS[path]).json()
    assert whole["next"] is None
    assert len(whole["items"]) > 1
    size = -(-len(whole["items"]) // 2)
    assert _pages(api, API + path, {**LISTS[path], "limit": size}) == [
        whole["items"][:size],
        whole["items"][size:],
    ]


def test_a_list_that_grows_repeats_nothing_and_misses_nothing(store: VoiceStore) -> None:
    browser = client(store)
    for name in ("b", "d", "f"):
        store.recordings.register(name, None, ENCODER, THRESHOLD)
    first = browser.get(f"{API}/recordings", params={"limit": 2})
    store.recordings.register("a", None, ENCODER, THRESHOLD)
    store.recordings.register("e", None, ENCODER, THRESHOLD)
    second = browser.get(first.links["next"]["url"])
    found = [each["video"] for page in (first, second) for each in page.json()["items"]]
    assert found == ["b", "d", "e", "f"]


def _pages(browser: TestClient, path: str, query: dict[str, Any]) -> list[Any]:
    """The items of each page, found by the links of the answers."""
    answer = browser.get(path, params=query)
    pages = [answer.json()["items"]]
    while "next" in answer.links:
        assert answer.json()["next"]
        answer = browser.get(answer.links["next"]["url"])
        pages.append(answer.json()["items"])
    assert answer.json()["next"] is None
    return pages
