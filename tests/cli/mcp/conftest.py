"""A library to ask an MCP server about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from pgvoice_testkit.asking import Ask, asking
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores import served_library

from pgvoice.store import VoiceStore

#: A recording whose audio is there, and its seconds.
HEARD, SECONDS = "monday", 40


@pytest.fixture(scope="session")
def _asked_library(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The database of a library with unknown voices; one recording has its audio."""
    audio = write(tmp_path_factory.mktemp("audio") / f"{HEARD}.wav", voice(110, SECONDS))
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            run(store.database.engine, "UPDATE pgvoice.setting SET keep_text = true")
            served_library.make(store)
            digest = hashlib.sha256(audio.read_bytes()).hexdigest()
            run(
                store.database.engine,
                f"UPDATE pgvoice.video SET source = '{audio}', audio_sha256 = '{digest}',"
                f" duration_ms = {SECONDS * 1000} WHERE key = '{HEARD}'",
            )
        assert url.database is not None
        yield url.database


@pytest.fixture(scope="session")
def library_url(server_url: str, _asked_library: str) -> Iterator[str]:
    """The library, for tests that change nothing."""
    with new_database(server_url, _asked_library) as url:
        yield plain(url)


@pytest.fixture(scope="session")
def ask(library_url: str) -> Iterator[Ask]:
    """Asks a server that only reads, as ``pgvoice mcp`` does."""
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        yield asking(store)


@pytest.fixture(scope="module")
def changing(server_url: str, _asked_library: str) -> Iterator[VoiceStore]:
    """A copy of the library, for tests that undo what they change."""
    with new_database(server_url, _asked_library) as url, VoiceStore.open(plain(url)) as store:
        yield store
