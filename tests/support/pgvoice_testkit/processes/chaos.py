"""Rounds in which work on an embedded server is killed at random moments, beside a live user.

The processes are forked, so that a round takes a few seconds: the one that forks them must not have
used a store.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from pgvoice.store.errors import PgvoiceError
from pgvoice_testkit.processes.chaotic_work import WORK, prepare, using
from pgvoice_testkit.processes.servers import lives, server_pid

#: What is killed: the process that works, the server, or one of the server's processes.
VICTIMS = ("worker", "server", "backend")
#: Errors of work beside what the server still does for a killed process; they say to run it again.
ALLOWED = ("IndexBusy:", "DatabaseDeadlock:")
#: How long anything may take that was not killed.
PATIENCE = 60.0
_CONTEXT = multiprocessing.get_context("fork")


class Round(NamedTuple):
    """What was killed, and when."""

    work: str
    victim: str
    after_seconds: float


class Chaos:
    """A store in an embedded server, with a live user."""

    def __init__(self, folder: Path, audio: Path, seed: int) -> None:
        self._folder, self._audio, self._seed = folder, audio, seed
        self.rounds: list[Round] = []
        #: What the live user was told; errors only while the server was attacked.
        self.answers = self.errors = 0
        #: Why work that was not killed was tried again.
        self.retries: Counter[str] = Counter()
        _finish(_start(prepare, folder, audio))
        self._user = _start_user(folder)
        self._seconds = {name: self._undisturbed(name) for name in WORK}

    def play(self, number: int) -> Round:
        """One round; raises `AssertionError` if anything is not as it should be."""
        chosen = random.Random(f"{self._seed} {number}")
        work = chosen.choice(sorted(WORK))
        victim = chosen.choice(VICTIMS)
        done = Round(work, victim, chosen.uniform(0, self._seconds[work]))
        server = server_pid(self._folder)
        attacked = self._disturb(done, number)
        self._kill_a_short_command(chosen.uniform(0, self._seconds["short command"]))
        self._run("short command", number)
        self._run(work, number)
        self._ask_the_user(attacked)
        assert attacked or server_pid(self._folder) == server, "the live user lost its server"
        self.rounds.append(done)
        return done

    def problems(self) -> list[str]:
        """What ``db verify`` finds."""
        found: list[str] = _finish(_start(_verify, self._folder))
        return found

    def counts(self) -> dict[str, int]:
        """How often each thing was killed."""
        return dict(
            sorted(Counter(f"{each.victim} during {each.work}" for each in self.rounds).items())
        )

    def end(self) -> None:
        """Let the live user leave; raises `AssertionError` if the server outlives it."""
        server = server_pid(self._folder)
        self._user.pipe.send("leave")
        self._user.process.join(PATIENCE)
        assert not lives(server), "the server runs without a user"

    def _undisturbed(self, name: str) -> float:
        started = time.monotonic()
        self._run(name, -1)
        return time.monotonic() - started

    def _run(self, name: str, number: int) -> None:
        """Run it to its end; after a kill, the server may still be at the old statement."""
        deadline = time.monotonic() + PATIENCE
        while error := _finish(_start(WORK[name], self._folder, self._audio, number)):
            assert time.monotonic() < deadline, f"{name} fails: {error}"
            assert error.startswith(ALLOWED), f"{name} fails: {error}"
            self.retries[error.split(":")[0]] += 1
            time.sleep(0.1)

    def _disturb(self, done: Round, number: int) -> bool:
        """Kill it; returns whether the server was attacked."""
        started = _start(WORK[done.work], self._folder, self._audio, number)
        started.process.join(done.after_seconds)
        if done.victim == "worker":
            started.process.kill()
        else:
            _attack(self._folder, done)
        _finish(started)
        return done.victim != "worker"

    def _kill_a_short_command(self, after_seconds: float) -> None:
        started = _start(WORK["short command"], self._folder, self._audio, -1)
        started.process.join(after_seconds)
        started.process.kill()
        _finish(started)

    def _ask_the_user(self, attacked: bool) -> None:
        process, pipe = self._user
        pipe.send("report")
        assert pipe.poll(PATIENCE), "the live user gets no answer"
        answers, errors = pipe.recv()
        assert attacked or not errors, f"the live user lost its server: {errors}"
        assert answers, f"the live user got only errors: {errors}"
        assert process.is_alive()
        self.answers += answers
        self.errors += len(errors)


def _attack(folder: Path, done: Round) -> None:
    server = psutil.Process(server_pid(folder))
    processes = server.children()
    if done.victim == "server":
        server.kill()
    elif processes:
        with suppress(psutil.NoSuchProcess):  # it may end just now
            random.Random(f"{done}").choice(processes).kill()


class _Started(NamedTuple):
    process: Any
    pipe: Connection[Any, Any]


def _start(do: Callable[..., object], *arguments: object) -> _Started:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_work, args=(theirs, do, arguments))
    process.start()
    theirs.close()
    return _Started(process, ours)


def _work(pipe: Connection[Any, Any], do: Callable[..., object], arguments: Any) -> None:
    try:
        answer = do(*arguments)
    except PgvoiceError as error:
        answer = f"{type(error).__name__}: {error}"
    pipe.send(answer)


def _finish(started: _Started) -> Any:
    """What it returned; None if it was killed."""
    process, pipe = started
    answer = None
    assert pipe.poll(PATIENCE), "it hangs"
    with suppress(EOFError):
        answer = pipe.recv()
    process.join()
    assert process.exitcode in (0, -9), "it failed with a traceback"
    return answer


def _verify(folder: Path) -> list[str]:
    with using(folder) as store:
        checks = store.upkeep.verify()
    return [f"{check.what}: {check.example}" for check in checks if check.problems]


def _start_user(folder: Path) -> _Started:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_live, args=(theirs, folder), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(PATIENCE)
    ours.recv()
    return _Started(process, ours)


def _live(pipe: Connection[Any, Any], folder: Path) -> None:
    """Ask now and then, and report the answers and errors since the last report."""
    with using(folder) as store:
        pipe.send("ready")
        wanted = ""
        while wanted != "leave":
            answers, errors = 0, list[str]()
            wanted = ""
            while not wanted:
                try:
                    store.people.speakers()
                    answers += 1
                except PgvoiceError as error:
                    errors.append(str(error))
                if pipe.poll(0.05) and answers:
                    wanted = pipe.recv()
            pipe.send((answers, errors))
