"""Waits until nobody has used a lingering server for a while, then has it stopped.

A program that needs nothing but Python itself, so that it takes little memory, and it goes on if
the packages are replaced: ``watcher.py FIFO SECONDS PID_FILE COMMAND...``. Its standard input is
the FIFO. A line in it is a new number of seconds, from now on. If the FIFO is no longer at its
path, somebody else stopped the server.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

#: The exit status of the command if the server is in use.
BUSY = 3


def main(fifo: str, seconds: str, pid_file: str, *command: str) -> None:
    if os.fork():  # so that whoever started it need not wait for its end
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _watch(fifo, float(seconds), pid_file, command)
    except KeyboardInterrupt:  # of SIGTERM, as when the machine shuts down
        _stop(pid_file, command)


def _watch(fifo: str, seconds: float, pid_file: str, command: tuple[str, ...]) -> None:
    end = time.monotonic() + seconds
    while _is_at(fifo):
        if select.select([0], [], [], max(0.0, end - time.monotonic()))[0]:
            told = os.read(0, 1 << 16).split()
            seconds = float(told[-1]) if told else seconds
        else:
            _stop(pid_file, command)
        end = time.monotonic() + seconds


def _is_at(fifo: str) -> bool:
    try:
        return os.path.samestat(os.fstat(0), os.stat(fifo))  # noqa: PTH116 - without pathlib
    except OSError:
        return False


def _stop(pid_file: str, command: tuple[str, ...]) -> None:
    """Run the command, which deletes the FIFO; without pgvoice, let the server end itself.

    Postgres looks for its pid file once a minute and ends without it.
    """
    try:
        process = os.posix_spawn(command[0], command, os.environ)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    except OSError:
        status = None
    if status not in (0, BUSY):
        if os.path.lexists(pid_file):
            os.unlink(pid_file)  # noqa: PTH108 - without pathlib
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
