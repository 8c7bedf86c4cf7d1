"""A switch that is killed at any place ends like one that was not."""

from __future__ import annotations

import random
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pgvoice_testkit.processes.modules import command, environment
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.switching import belongings, library, story
from pgvoice_testkit.stores.switching.library import OLD, Library
from pgvoice_testkit.stores.switching.story import NEW, differing, new_encoder

from pgvoice.hooks.switch.switch import switch_encoder
from pgvoice.store import VoiceStore

#: Numbers of runs, and times as Python and Postgres write them.
_VOLATILE = re.compile(r"run=\d+|datetime\.datetime\([^()]*\([^()]*\)\)")


@dataclass(frozen=True)
class Made:
    """A library, the database to copy, and how an undisturbed switch of it ends."""

    library: Library
    database: str
    statements: int
    end: dict[str, list[str]]


def _switch(url: str, statement: int = 0, workers: int = 0) -> int | None:
    """Switch; dies before a statement, and returns None, or how many statements there were."""
    arguments = (url, str(statement), str(workers))
    ran = subprocess.run(
        command("pgvoice_testkit.processes.switch_process", *arguments),
        env=environment(),
        capture_output=True,
        text=True,
    )
    if ran.returncode == -signal.SIGKILL:
        return None
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def _end(store: VoiceStore, files: Library) -> dict[str, list[str]]:
    """Everything that there is after a switch, without numbers and times."""
    assert not belongings.problems(store)
    assert not belongings.different_twins(store)
    look = story.look(store, files, every=15)
    found = {f"people: {kind}": rows for kind, rows in look.of_people.items()}
    for name, rows in {"default": look.default, **look.named}.items():
        found |= {
            f"{name}: {kind}": [_VOLATILE.sub("", row) for row in rows[kind]] for kind in rows
        }
    return found


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
            yield Made(files, database, statements, _end(store, files))


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
            assert store.encoders.find().identity.name == NEW
            assert not differing(made.end, _end(store, made.library))
            encoder = new_encoder(NEW)
            again = switch_encoder(store, encoder)
            assert (encoder.calls, again.filled, again.vectors) == ([], 0, 0)
            assert not switch_encoder(store, new_encoder(OLD)).failed
