"""What the tests in a browser share: one browser per file, and a library that can be heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from pgvoice_testkit.audio.named_series import Said
from pgvoice_testkit.browsing import chromium
from pgvoice_testkit.servers.databases import migrate, new_database, plain
from pgvoice_testkit.stores import audible
from playwright.sync_api import Browser

from pgvoice.store import VoiceStore


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Library(NamedTuple):
    """A database to copy, and who speaks in its recordings."""

    database: str
    turns: list[Said]


@pytest.fixture(scope="module")
def library(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Made-up people, three of whom recur; nobody has a name, and text is kept."""
    with new_database(server_url) as url:
        migrate(url, keep_text=True)
        with VoiceStore.open(plain(url)) as store:
            turns = audible.fill(store, tmp_path_factory.mktemp("sounds"))
        yield Library(str(url.database), turns)


@pytest.fixture
def heard(server_url: str, library: Library) -> Iterator[VoiceStore]:
    """A copy of it."""
    with new_database(server_url, library.database) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture
def named(heard: VoiceStore) -> VoiceStore:
    """The same with a person, so that every page has something to show."""
    first = heard.voices.unknown()[0]
    heard.voices.name(first.number, "Ada", consent="form 17")
    heard.labels.label()
    return heard
