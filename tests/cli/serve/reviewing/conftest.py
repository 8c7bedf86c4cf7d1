"""A library of unknown voices, and a browser that is logged in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores.unknown_voices import linked_library
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore


@pytest.fixture(scope="session")
def _linked(server_url: str, template: str) -> Iterator[str]:
    with linked_library(server_url, template) as name:
        yield name


@pytest.fixture
def library(server_url: str, _linked: str) -> Iterator[VoiceStore]:
    """Four recordings with five unknown voices; nobody is enrolled."""
    with new_database(server_url, _linked) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture
def browser(library: VoiceStore) -> TestClient:
    return client(library)
