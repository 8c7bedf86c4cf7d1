"""A library of unknown voices, with a recording's sound to listen to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.unknown_voices import record_all

from pgvoice.cli.main import cli
from pgvoice.store import VoiceStore

#: The recording that has a file.
HEARD = "monday"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is as long as the recording."""
    return write(tmp_path_factory.mktemp("sounds") / f"{HEARD}.wav", voice(110, 60))


@pytest.fixture(scope="module")
def linked(server_url: str, template: str, sounds: Path) -> Iterator[str]:
    """The name of a database to copy, in which voices are linked and nobody is enrolled."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            record_all(store)
            store.voices.enable()
            sha256 = hashlib.sha256(sounds.read_bytes()).hexdigest()
            run(
                store.database.engine,
                f"UPDATE pgvoice.video SET source = '{sounds}', audio_sha256 = '{sha256}'"
                f" WHERE key = '{HEARD}'",
            )
        yield str(url.database)


@pytest.fixture
def library(
    server_url: str, linked: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Calls ``pgvoice voices`` on a copy of it."""
    with new_database(server_url, linked) as url:
        monkeypatch.setenv("PGVOICE_DATABASE_URL", plain(url))

        def call(*arguments: object, stdin: str | None = None) -> Result:
            return CliRunner().invoke(cli, ["voices", *map(str, arguments)], input=stdin)

        yield call


@pytest.fixture
def opened(library: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Iterator[VoiceStore]:
    """The store of `library`."""
    with VoiceStore.open() as store:
        yield store


@pytest.fixture
def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the player that is set writes which files it played, a line each."""
    played, program = tmp_path / "played.txt", tmp_path / "player"
    program.write_text(f'#!/bin/sh\nwc -c < "$1" >> {played}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PGVOICE_PLAYER", str(program))
    return played
