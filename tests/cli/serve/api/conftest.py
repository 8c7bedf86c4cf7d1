"""One store for all questions, with a client that may do everything and one that may only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, run
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import served_library
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore

TOKEN = "a token of the tests"


@pytest.fixture(scope="module")
def library_url(server_url: str, template: str) -> Iterator[str]:
    with new_database(server_url, template) as url:
        with engine_of(url) as engine:
            run(engine, "UPDATE pgvoice.setting SET keep_text = true")
        with VoiceStore.open(plain(url)) as store:
            served_library.make(store)
        yield plain(url)


@pytest.fixture(scope="module")
def library(library_url: str) -> Iterator[VoiceStore]:
    with VoiceStore.open(library_url) as store:
        yield store


@pytest.fixture(scope="module")
def api(library: VoiceStore) -> TestClient:
    """Calls the API with its token."""
    browser = client(library, api_token=TOKEN)
    browser.headers["Authorization"] = f"Bearer {TOKEN}"
    return browser


@pytest.fixture(scope="module")
def reading(library_url: str) -> Iterator[TestClient]:
    """The same store, by a server that may only read."""
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        yield client(store, read_only=True)
