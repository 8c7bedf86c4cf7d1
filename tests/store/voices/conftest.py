"""A library of unknown voices for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.unknown_voices import linked_library

from pgvoice.store import VoiceStore


@pytest.fixture(scope="session")
def _linked(server_url: str, template: str) -> Iterator[str]:
    """The database of four recordings whose unknown voices are linked."""
    with linked_library(server_url, template) as name:
        yield name


@pytest.fixture
def library(server_url: str, _linked: str) -> Iterator[VoiceStore]:
    """A copy of that library, in which nobody is enrolled."""
    with new_database(server_url, _linked) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture(scope="session")
def unchanged(server_url: str, _linked: str) -> Iterator[VoiceStore]:
    """That library, for tests that change nothing."""
    with new_database(server_url, _linked) as url, VoiceStore.open(plain(url)) as store:
        yield store
