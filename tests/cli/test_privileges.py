"""A command that a login may not run names the role that lets it, and no higher one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role
from pgvoice_testkit.servers.databases import run as run_sql
from pgvoice_testkit.stores.filled import X, Y, put
from sqlalchemy import URL

from pgvoice.store import VoiceStore
from pgvoice.store.database.roles import ROLES

READER, SEARCHER, WRITER, ADMIN = ROLES
#: By command the role that it needs, and how it is called; admins do the last few last.
CALLS = {
    "identify v": READER,
    "search ann": READER,
    "similar v --span 0-1": SEARCHER,
    "enroll list": READER,
    "enroll show ann": READER,
    "enroll check": READER,
    "enroll check --drop-outliers": ADMIN,
    "enroll restore ann": ADMIN,
    "enroll add bob --video v --span 1-2": ADMIN,
    "enroll add bob --video v --span 1-2 --consent form": ADMIN,
    "enroll export --all people.json": ADMIN,
    "enroll rename ann ann": ADMIN,
    "label v": ADMIN,
    "relabel --dry-run": ADMIN,
    "labels show v": READER,
    "labels time": READER,
    "labels runs": READER,
    "labels pin v ann --span 1-2": ADMIN,
    "labels unpin v --span 1-2": ADMIN,
    "labels revert 1": ADMIN,
    "calibrate --list": READER,
    "calibrate --reset": ADMIN,
    "index status": READER,
    "ingest status": READER,
    "ingest failed": READER,
    "ingest metrics": READER,
    "consent list": ADMIN,
    "consent grant ann": ADMIN,
    "consent withdraw ann --yes": ADMIN,
    "consent require": ADMIN,
    "erase speaker ann --yes --keep-segments": ADMIN,
    "erase video v --yes": ADMIN,
    "erase allow v --video": ADMIN,
    "erase opt-outs": ADMIN,
    "enroll remove ann --yes": ADMIN,
    "retention run": ADMIN,
    "audit": ADMIN,
    "audit --head": ADMIN,
    "voices": READER,
    "voices suggestions": READER,
    "voices enable": ADMIN,
    "voices disable --yes": ADMIN,
    "voices name 1 Ada": ADMIN,
    "voices dismiss 1 --why tv": ADMIN,
    "voices same 1 2": ADMIN,
    "voices different 1 --video v": ADMIN,
    "voices accept 1": ADMIN,
    "voices reject 1": ADMIN,
    "videos": READER,
    "labels export v --format json": READER,
    "cache stats": READER,
    "cache prune --video v --yes": WRITER,
    "encoder list": READER,
    "encoder switch --drop toy --yes": ADMIN,
    "vectors import x.json --encoder titanet": WRITER,
    "vectors export x.npz": ADMIN,
    "db status": READER,
    "db verify": ADMIN,
    "db checksums": ADMIN,
}
REFUSED = "may not"


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[URL]:
    """A recording with an enrolled person and labels."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 1): X, (1, 2): Y})
            store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
            store.labels.label()
        yield url


@contextmanager
def _login(library: URL | str, group: str | None) -> Iterator[str]:
    """The URL of a login that has this role, or none."""
    with role(library, "ada_of_a_test") as login:
        if group:
            with engine_of(library) as engine:
                run_sql(engine, f"GRANT {group} TO ada_of_a_test")
        yield plain(login)


def _needed(done: Result) -> str | None:
    """The role that a refusal names, with the statement that grants it."""
    if REFUSED not in done.stderr:
        return None
    assert done.exit_code == 1 or "could not be read" in done.stderr
    found = re.search(r"needs the role (\w+): `GRANT \1 TO ada_of_a_test`", done.stderr)
    return found and found[1]


@pytest.mark.parametrize("group", [None, READER, SEARCHER, WRITER, ADMIN])
def test_a_refusal_names_the_role(
    library: URL, run: Callable[..., Result], tmp_path: Path, group: str | None
) -> None:
    """Readers try everything; the others what they may do, and what they may do in part."""
    partly = [call for call in CALLS if "--span" in call or call.startswith("consent")]
    calls = {None: ["identify v", "labels time", "db checksums"], READER: [*CALLS]}.get(
        group, [*partly, *(call for call, needed in CALLS.items() if needed == group)]
    )
    (tmp_path / "x.json").write_text('[{"start": 0, "end": 1, "embedding": [1, 2]}]')
    with _login(library, group) as url, chdir(tmp_path):
        for call in calls:
            may = CALLS[call] in (READER, group) or group == ADMIN
            expected = READER if group is None else None if may else CALLS[call]
            assert _needed(run(*call.split(), "--url", url)) == expected, call


def test_a_reader_who_fills_needs_to_be_a_writer(
    run: Callable[..., Result], encoder: CountingEncoder, store_url: str, talk: Path, turns: Path
) -> None:
    assert not encoder.calls
    fill = ("fill", "talk", talk, turns, "--url")
    with _login(store_url, READER) as url:
        assert _needed(run(*fill, url)) == WRITER
    with _login(store_url, WRITER) as url:
        assert run(*fill, url).exit_code == 0
    with _login(store_url, READER) as url:
        assert run("identify", "talk", "--url", url).exit_code == 0


def test_owners_are_asked_for_what_no_role_may_do(library: URL, run: Callable[..., Result]) -> None:
    with _login(library, ADMIN) as url:
        for call in (["db", "upgrade"], ["db", "roles", "--create"], ["index", "build"]):
            done = run(*call, "--url", url)
            assert (done.exit_code, "connect as the user who created" in done.stderr) == (1, True)
