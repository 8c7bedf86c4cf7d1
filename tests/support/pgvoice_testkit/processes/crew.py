"""Processes that work on one store at the same time, in rounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

from pgvoice.hooks import fill
from pgvoice.store import PruneSelection, VoiceStore
from pgvoice.store.errors import (
    NoEmbedding,
    UnknownEncoder,
    UnknownLabel,
    UnknownSpeaker,
    UnknownVideo,
    VideoErased,
)
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

Spans = Sequence[tuple[float, float]]
#: Errors that are allowed because another process deletes the same things.
FORESEEN = (NoEmbedding, UnknownEncoder, UnknownLabel, UnknownSpeaker, UnknownVideo, VideoErased)
OPERATIONS = (
    "enroll", "erase video", "fill", "label", "merge", "pin", "prune", "relabel", "remove"
)  # fmt: skip


class Task(NamedTuple):
    """What one process does in a round."""

    operation: str
    video: str
    audio: str = ""
    segments: Spans = ()
    speaker: str = "ann"


class Answer(NamedTuple):
    """The outcome of a task."""

    #: Waveforms that were encoded.
    encoded: int
    #: An unexpected error.
    error: str | None


class Crew:
    """Processes that each keep the store open."""

    def __init__(self, url: str, number: int) -> None:
        context = get_context("spawn")
        self._pipes, self._processes = [], []
        for _ in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(url, theirs), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()

    def do(self, tasks: Sequence[Task]) -> list[Answer]:
        """Run one task per process, all at the same time."""
        used = self._pipes[: len(tasks)]
        for pipe, task in zip(used, tasks, strict=True):
            pipe.send(task)
        return [pipe.recv() for pipe in used]

    def close(self) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join(30)


@contextmanager
def crew(url: str, number: int) -> Iterator[Crew]:
    made = Crew(url, number)
    try:
        yield made
    finally:
        made.close()


def same_fills(
    crew: Crew, number: int, rounds: int, audio: Path, name: str, tell: Callable[[int], None]
) -> int:
    """Overlapping fills of a new video each round; returns the rounds with a double encoding.

    Raises `AssertionError` for an error.
    """
    chosen, double = random.Random(3), 0
    every = [(n * 0.5, n * 0.5 + 1.0) for n in range(6)]
    for done in range(rounds):
        shares = [sorted(chosen.sample(every, chosen.randint(3, 6))) for _ in range(number)]
        video = f"{name} {number} {done}"
        answers = crew.do([Task("fill", video, str(audio), share) for share in shares])
        failed = [answer.error for answer in answers if answer.error]
        assert not failed, failed
        distinct = {span for share in shares for span in share}
        double += sum(answer.encoded for answer in answers) != len(distinct)
        tell(done + 1)
    return double


def fills_against_the_rest(
    crew: Crew, number: int, rounds: int, audio: Path, tell: Callable[[int], None]
) -> dict[str, int]:
    """Fills, enrollments, labels and erasures of the same few videos and speakers at once.

    Returns how many of each were done; raises `AssertionError` for an error.
    """
    chosen, done = random.Random(5), dict.fromkeys(OPERATIONS, 0)
    every = [(n * 0.5, n * 0.5 + 1.0) for n in range(6)]
    for number_done in range(rounds):
        tasks = [
            Task(
                chosen.choice(OPERATIONS if worker else ("fill",)),
                f"shared {chosen.randrange(2)}",
                str(audio),
                sorted(chosen.sample(every, 4)),
                chosen.choice(("ann", "bob")),
            )
            for worker in range(number)
        ]
        answers = crew.do(tasks)
        failed = [(t.operation, a.error) for t, a in zip(tasks, answers, strict=True) if a.error]
        assert not failed, failed
        for task in tasks:
            done[task.operation] += 1
        tell(number_done + 1)
    return done


def _work(url: str, pipe: Connection[Any, Any]) -> None:
    with VoiceStore.open(url) as store:
        pipe.send("ready")
        while task := pipe.recv():
            encoder = CountingEncoder(batch_samples=1)
            error = None
            try:
                _do(store, encoder, task)
            except FORESEEN:
                pass
            except Exception as caught:  # told to whoever asked
                error = f"{type(caught).__name__}: {caught}"
            pipe.send(Answer(sum(encoder.calls), error))


def _do(store: VoiceStore, encoder: CountingEncoder, task: Task) -> None:
    if task.operation == "fill":
        fill(store, encoder, video=task.video, audio=task.audio, segments=task.segments)
    elif task.operation == "enroll":
        store.people.enroll_segments(task.speaker, task.video, task.segments[:2], force=True)
    elif task.operation == "label":
        store.labels.label([task.video])
    elif task.operation == "relabel":
        store.labels.label()
    elif task.operation == "pin":
        store.labels.pin(task.video, task.segments[0], task.speaker)
    elif task.operation == "merge":
        store.people.merge("bob", "ann", force=True)
    elif task.operation == "prune":
        store.recordings.prune(PruneSelection(video=task.video))
    elif task.operation == "remove":
        store.people.remove(task.speaker)
    else:
        with store.database.engine.begin() as connection:
            connection.execute(
                text("DELETE FROM pgvoice.video WHERE key = :key"), {"key": task.video}
            )
