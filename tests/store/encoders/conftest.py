"""Libraries of unknown voices that two encoders filled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.second_encoder import OTHERS, fill_again
from pgvoice_testkit.stores.unknown_voices import RECORDINGS, linked_library

from pgvoice.store import VoiceStore


@pytest.fixture(scope="session")
def _filled_once(server_url: str, template: str) -> Iterator[str]:
    """The database of four recordings whose unknown voices are linked."""
    with linked_library(server_url, template) as name:
        yield name


@pytest.fixture(scope="session")
def _filled_twice(server_url: str, _filled_once: str) -> Iterator[str]:
    """The same, filled with another encoder too, whose vectors are as long."""
    with new_database(server_url, _filled_once) as url:
        with VoiceStore.open(plain(url)) as store:
            fill_again(store, OTHERS[0], RECORDINGS)
        assert url.database is not None
        yield url.database


@pytest.fixture
def once(server_url: str, _filled_once: str) -> Iterator[VoiceStore]:
    """A copy of that library before another encoder fills it."""
    with new_database(server_url, _filled_once) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture
def twice(server_url: str, _filled_twice: str) -> Iterator[VoiceStore]:
    """A copy of the library that two encoders filled: `voices`, which answers, and `others`."""
    with new_database(server_url, _filled_twice) as url, VoiceStore.open(plain(url)) as store:
        yield store
