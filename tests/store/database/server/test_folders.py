"""A data folder that other users could reach into is refused before anything is created."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from pgvoice.store.database import embedded
from pgvoice.store.database.server import folders, server_user
from pgvoice.store.errors import EmbeddedServerError

NOBODY = 65534


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make folders of other users")


def _of_length(folder: Path, length: int) -> Path:
    rest = length - len(str(folder)) - 1
    return folder / ("x" * rest)


def test_a_path_that_is_too_long_for_its_socket(data_folder: Path) -> None:
    longest = folders.SOCKET_PATH_BYTES - len("/postgres/.s.PGSQL.5432")
    before = set(Path(tempfile.gettempdir()).iterdir())
    long = _of_length(data_folder, longest + 1)
    with pytest.raises(
        EmbeddedServerError,
        match=rf"{long}: the path has {longest + 1} bytes, and its socket allows {longest}."
        " Set PGVOICE_DATA to a shorter one",
    ):
        embedded.start(long)
    assert list(data_folder.iterdir()) == []
    assert set(Path(tempfile.gettempdir()).iterdir()) == before


def test_bytes_are_counted_and_the_longest_path_works(data_folder: Path) -> None:
    longest = folders.SOCKET_PATH_BYTES - len("/postgres/.s.PGSQL.5432")
    folders.check(_of_length(data_folder, longest))
    with pytest.raises(EmbeddedServerError, match=f"has {longest + 1} bytes"):
        folders.check(Path(f"{_of_length(data_folder, longest - 1)}é"))
    with socket.socket(socket.AF_UNIX) as bound:
        deep = _of_length(data_folder, longest) / "postgres"
        deep.mkdir(parents=True)
        bound.bind(str(deep / ".s.PGSQL.5432"))


@pytest.mark.parametrize(
    ("name", "what"),
    [("my data", "a space"), ("a,b", "','"), ("$(id)", r"'\$'"), ("a`b", "'`'"), ("a\nb", "n'")],
)
def test_a_path_with_a_special_character(data_folder: Path, name: str, what: str) -> None:
    with pytest.raises(EmbeddedServerError, match=f"a path with .*{what}: set PGVOICE_DATA"):
        embedded.start(data_folder / name)
    assert list(data_folder.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o720])
def test_a_folder_that_others_may_write_to(data_folder: Path, mode: int) -> None:
    shared = data_folder / "shared"
    shared.mkdir()
    shared.chmod(mode)
    with pytest.raises(EmbeddedServerError, match=rf"run `chmod go-w {shared}`"):
        embedded.start(shared)
    assert list(shared.iterdir()) == []
    shared.chmod(0o755)
    folders.check(shared)


@pytest.mark.usefixtures("root")
def test_a_folder_of_another_user(data_folder: Path) -> None:
    planted = data_folder / "planted"
    planted.mkdir()
    os.chown(planted, NOBODY, NOBODY)
    with pytest.raises(EmbeddedServerError, match="it belongs to nobody, and only that user"):
        embedded.start(planted)
    assert list(planted.iterdir()) == []
    ours = data_folder / "ours"
    (ours / "postgres").mkdir(parents=True)
    os.chown(ours / "postgres", NOBODY, NOBODY)
    with pytest.raises(EmbeddedServerError, match="it belongs to nobody, and only that user"):
        embedded.start(ours)
    os.chown(ours, 54321, 54321)
    with pytest.raises(PermissionError, match="it belongs to user 54321,"):
        folders.check(ours)


@pytest.mark.usefixtures("root")
def test_a_link_of_another_user_is_not_followed(data_folder: Path) -> None:
    target, link = data_folder / "target", data_folder / "link"
    target.mkdir()
    link.symlink_to(target)
    assert folders.follow_links(link / "pgvoice") == target / "pgvoice"
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(EmbeddedServerError, match=rf"as {link} is another user's link"):
        embedded.start(link / "pgvoice")
    with pytest.raises(EmbeddedServerError, match="is another user's link"):
        embedded.start(link)
    assert list(target.iterdir()) == []


@pytest.mark.usefixtures("root")
def test_roots_closed_folders_stay_closed(data_folder: Path) -> None:
    closed = data_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match=rf"enter {closed}: run `chmod o\+x {closed}`"):
        embedded.start(closed / "a" / "b")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(closed.iterdir()) == []


def test_nobody_else_may_enter_a_new_folder(data_folder: Path) -> None:
    """The folders above that were there before keep their permissions."""
    made = data_folder / "a" / "b"
    above = {each: each.stat().st_mode for each in data_folder.parents}
    data_folder.chmod(0o711)
    server = embedded.start(made)
    assert data_folder.stat().st_mode & 0o777 == 0o711
    assert {each: each.stat().st_mode for each in data_folder.parents} == above
    for folder in (made.parent, made):
        state = folder.stat()
        assert (state.st_uid, state.st_mode & 0o007) == (os.geteuid(), 0)
        if os.geteuid() == 0:
            assert (state.st_gid, state.st_mode & 0o070) == (_group(), 0o010)
    database = server.folder
    assert (database.stat().st_uid, database.stat().st_mode & 0o077) == (server_user.uid(), 0)
    assert (database / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700
    for name in ("log", "postgresql.conf", "postmaster.pid"):
        assert (database / name).stat().st_mode & 0o077 == 0
    for name in ("server.lock", "users.lock"):
        assert (made / name).stat().st_mode & 0o777 == 0o600
    server.stop()


def _group() -> int:
    group = server_user.identity()["group"]
    assert isinstance(group, int)
    return group
