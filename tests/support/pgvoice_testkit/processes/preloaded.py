"""A program ``pgvoice`` whose processes need no imports: they fork from one that has done them.

Where a test calls many commands and asserts nothing about how a process starts, this takes a tenth
of the processor's time. As a program, this module is the process to fork from.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

#: Sends what it was called with, and its own files; ends with the status that comes back.
CALLER = """\
#!{python} -IS
import os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    values = [os.getcwd(), str(len(sys.argv)), *sys.argv]
    values += [f"{{name}}={{value}}" for name, value in os.environ.items()]
    told = "\\0".join(values).encode("utf-8", "surrogateescape")
    socket.send_fds(server, [len(told).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(told)
    status = server.recv(1)
sys.exit(status[0] if status else 255)
"""


@contextmanager
def preloaded_program(folder: Path) -> Iterator[Path]:
    """A folder for the PATH, whose ``pgvoice`` forks from a process that lives as long."""
    address = folder / "address"
    program = folder / "pgvoice"
    program.write_text(CALLER.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)
    command = [sys.executable, __file__, str(address)]
    # Pipes, as Python's streams of a file would not work on a caller's pipe.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        try:
            yield folder
        finally:
            process.kill()


def _import_everything() -> None:
    """What commands import when they are called."""
    import gc
    import importlib
    import pkgutil

    import pgvoice.cli

    for module in pkgutil.walk_packages(pgvoice.cli.__path__, "pgvoice.cli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("torch", "torchaudio", "av", "soundfile", "librosa", "pgvector.psycopg"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _serve(address: str) -> list[str]:
    """Returns, in a process for each call, the arguments of the call."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        os.write(1, b"listening\n")
        while True:
            caller, _ = server.accept()
            if os.fork():
                caller.close()
                continue
            with caller:
                called = _called(caller)
                child = os.fork()
                if child:
                    _end_with(caller, child)
            return called


def _called(caller: socket.socket) -> list[str]:
    """The arguments of a call, once this process is as the caller's."""
    size, files, _, _ = socket.recv_fds(caller, 4, 3)
    with caller.makefile("rb") as stream:
        told = stream.read(int.from_bytes(size, "big"))
    folder, number, *values = told.decode("utf-8", "surrogateescape").split("\0")
    for standard, received in enumerate(files):
        os.dup2(received, standard)
        os.close(received)
    os.chdir(folder)
    os.environ.clear()
    parts = [value.partition("=") for value in values[int(number) :]]
    os.environ.update({name: value for name, _, value in parts})
    return values[: int(number)]


def _end_with(caller: socket.socket, child: int) -> NoReturn:
    """Tell the caller how its command ended, and end."""
    _, status = os.waitpid(child, 0)
    caller.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
    os._exit(0)


if __name__ == "__main__":
    _import_everything()
    sys.argv = _serve(sys.argv[1])

    from pgvoice.cli.main import cli

    cli(prog_name="pgvoice")
