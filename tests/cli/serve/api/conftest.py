"""One store for all questions, with a client that may do everything and one that may only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, run
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import served_library
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore

TOKEN = "a token of the tests"


@contextmanager
def _new_library(server_url: str, template: str) -> Iterator[str]:
    """The URL of a made-up library of one's own, which keeps text."""
    with new_database(server_url, template) as url:
        with engine_of(url) as engine:
            run(engine, "UPDATE pgvoice.setting SET keep_text = true")
        with VoiceStore.open(plain(url)) as store:
            served_library.make(store)
        yield plain(url)


def _calling(store: VoiceStore) -> TestClient:
    """Calls the API with its token."""
    browser = client(store, api_token=TOKEN)
    browser.headers["Authorization"] = f"Bearer {TOKEN}"
    return browser


@pytest.fixture(scope="session")
def library_url(server_url: str, template: str) -> Iterator[str]:
    with _new_library(server_url, template) as url:
        yield url


@pytest.fixture(scope="session")
def library(library_url: str) -> Iterator[VoiceStore]:
    with VoiceStore.open(library_url) as store:
        yield store


@pytest.fixture(scope="session")
def api(library: VoiceStore) -> TestClient:
    """For what changes nothing, as all tests share the library."""
    return _calling(library)


@pytest.fixture(scope="session")
def reading(library_url: str) -> Iterator[TestClient]:
    """The same store, by a server that may only read."""
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        yield client(store, read_only=True)


@pytest.fixture(scope="module")
def own_api(server_url: str, template: str) -> Iterator[TestClient]:
    """For what changes anything, of a library of the module's own."""
    with _new_library(server_url, template) as url, VoiceStore.open(url) as store:
        yield _calling(store)
