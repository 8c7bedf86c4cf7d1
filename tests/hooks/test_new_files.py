"""Files are written as a whole, under their own names and never through a link."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pgvoice.hooks.new_files import OWNER, new_file, write_file


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "precious"
    path.write_text("precious")
    path.chmod(0o604)
    return path


@pytest.mark.parametrize("target", ["precious", "absent", "/dev/null"])
def test_a_link_is_replaced_and_its_target_stays(
    tmp_path: Path, precious: Path, target: str
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    with pytest.raises(FileExistsError):
        write_file(link, b"new")
    write_file(link, b"new", overwrite=True)
    assert (link.read_bytes(), link.is_symlink()) == (b"new", False)
    assert (precious.read_text(), _mode(precious)) == ("precious", 0o604)
    assert sorted(tmp_path.iterdir()) == [link, precious]
    assert Path("/dev/null").is_char_device()


def test_a_link_in_shared_memory_is_a_link_like_others(precious: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("no /dev/shm on this system")
    link = shared / f"pgvoice-test-{os.getpid()}"
    link.symlink_to(precious)
    try:
        write_file(link, b"new", overwrite=True)
        assert (link.is_symlink(), link.read_bytes()) == (False, b"new")
    finally:
        link.unlink()
    assert precious.read_text() == "precious"


def test_a_voice_is_not_written_to_the_pipe_of_somebody_else(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a pipe to somebody else")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    os.chown(pipe, 65534, 65534)
    with pytest.raises(PermissionError, match="pipe"), new_file(pipe, mode=OWNER):
        pass


def test_the_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no/file"):
        write_file(tmp_path / "no" / "file", b"")


def test_permissions(tmp_path: Path, precious: Path) -> None:
    before = os.umask(0o022)
    try:
        write_file(tmp_path / "new", b"")
        write_file(precious, b"", overwrite=True)
        with new_file(tmp_path / "private", mode=OWNER) as file:
            (beside,) = tmp_path.glob(".pgvoice-*")
            assert _mode(beside) == 0o600
            file.write(b"a voice")
    finally:
        os.umask(before)
    modes = [_mode(tmp_path / name) for name in ("new", "precious", "private")]
    assert modes == [0o644, 0o604, 0o600]


def test_nothing_is_left_of_a_failure(tmp_path: Path, precious: Path) -> None:
    def fail() -> None:
        with new_file(precious, overwrite=True) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert precious.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [precious]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path, b"", overwrite=True)


def test_a_pipe_and_a_device(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, b"through")
    reader.join()
    assert read == [b"through"]
    assert pipe.is_fifo()
    write_file(Path(os.devnull), b"away")
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output(tmp_path: Path, name: str) -> None:
    """Also if it is a file, to which is added."""
    target = tmp_path / "out"
    target.write_text("before ")
    code = (
        "import sys; from pathlib import Path; from pgvoice.hooks.new_files import write_file\n"
        f"write_file(Path({name!r}), b'new', overwrite=True)"
    )
    with target.open("a") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert target.read_text() == "before new"
    piped = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert piped.stdout == b"new"
    assert Path("/dev/stdout").is_symlink()
