"""A switch that is killed at any place ends like one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile

import pytest
from pgvoice_testkit.processes.modules import command, environment
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.switching import belongings, library
from pgvoice_testkit.stores.switching.library import OLD
from pgvoice_testkit.stores.switching.story import NEW, differing, new_encoder
from sqlalchemy import text

from pgvoice.hooks.switch.switch import switch_encoder
from pgvoice.store import VoiceStore

#: By what it is: the rows of the new encoder, without numbers that the database gives and times.
_ROWS = {
    "segments": "SELECT video_id, start_ms, end_ms, status, embedding"
    " FROM pgvoice.segment_embedding",
    "voices": "SELECT video_id, label, clean_ms, segments, embedding FROM pgvoice.voice",
    "recordings compared": "SELECT * FROM pgvoice.voice_cohort",
    "linked voices": "SELECT video_id, label, unknown_voice_id FROM pgvoice.linked_voice",
    "exemplars": "SELECT speaker_id, audio_sha256, start_ms, end_ms, video_id, source, quality,"
    " excluded, created_at, embedding FROM pgvoice.enrollment",
    "profiles": "SELECT speaker_id, exemplars, cohesion, embedding FROM pgvoice.profile",
    "thresholds": "SELECT recordings, voices, comparisons, starts, mean_excesses, across_mean,"
    " within_mean FROM pgvoice.library_tail",
    "labels": "SELECT video_id, start_ms, end_ms, speaker_id, similarity, reason, pinned"
    " FROM pgvoice.attribution",
}


@dataclass(frozen=True)
class Made:
    """The database to copy, and how an undisturbed switch of it ends."""

    database: str
    statements: int
    end: dict[str, list[str]]


def _switch(url: str, statement: int = 0, workers: int = 0) -> int | None:
    """Switch; dies before a statement, and returns None, or how many statements there were.

    Its workers die with it.
    """
    arguments = (url, str(statement), str(workers))
    program = command("pgvoice_testkit.processes.switch_process", *arguments)
    with TemporaryFile("w+") as said:
        process = subprocess.Popen(
            program, env=environment(), stdout=said, stderr=said, start_new_session=True
        )
        process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        said.seek(0)
        if process.returncode == -signal.SIGKILL:
            return None
        assert process.returncode == 0, said.read()
        *_, statements = said.read().split()
    return int(statements)


def _end(store: VoiceStore) -> dict[str, list[str]]:
    """Everything that there is after a switch."""
    assert not belongings.problems(store)
    assert not belongings.different_twins(store)
    encoder = store.encoders.find()
    assert encoder.identity.name == NEW
    with store.database.engine.connect() as connection:
        rows = {
            kind: sorted(map(str, connection.execute(text(f"{query} WHERE encoder_id = 2"))))
            for kind, query in _ROWS.items()
        }
    assert all(rows.values())
    indexed = [str(each.indexed) for each in store.index.status()]
    failed = [each.video for each in store.ingests.failed(f"encoder {encoder.identity}")]
    return belongings.of_people(store) | rows | {"indexed": indexed, "failed": failed}


@pytest.fixture(scope="module")
def made(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    files = library.write(tmp_path_factory.mktemp("library"), 45)
    with (
        library.made(server_url, template, files) as database,
        new_database(server_url, database) as url,
    ):
        statements = _switch(plain(url))
        assert statements
        with VoiceStore.open(plain(url)) as store:
            yield Made(database, statements, _end(store))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_killed_switch_ends_like_an_undisturbed_one(
    server_url: str, made: Made, seed: int
) -> None:
    """The even ones in one process; the others with two workers, one of which dies each time."""
    chance, workers = random.Random(seed), 2 * (seed % 2)
    # Workers send most of the statements; a second try goes on where the first was killed.
    first = made.statements // (4 if workers else 1)
    with new_database(server_url, made.database) as url:
        _switch(plain(url), chance.randrange(1, first), workers)
        _switch(plain(url), chance.randrange(1, first // 2), workers)
        _switch(plain(url))
        with VoiceStore.open(plain(url)) as store:
            assert not differing(made.end, _end(store))
            encoder = new_encoder(NEW)
            again = switch_encoder(store, encoder)
            assert (encoder.calls, again.filled, again.vectors) == ([], 0, 0)
            assert not switch_encoder(store, new_encoder(OLD)).failed
