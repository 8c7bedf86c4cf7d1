"""What a page to listen and name waits for: ``python tests/benchmarks/page.py --help``.

A library of made-up voices with a million segments, 10,000 unknown voices and 200 enrolled people.
The rows are written as fills and linking would leave them, but without either, which would take
hours; `library.py` says how. Exits with 1 if a card takes longer than is required.
"""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
import psutil
from rich.console import Console
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.reviewing import library
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.servers.databases import temporary_folder
from pgvoice_testkit.serving import client

from pgvoice.store import VoiceStore

T = TypeVar("T")
#: What is required: milliseconds from an answer to the next card, in 95 % of all cases.
NEXT_MS = 150.0
COLUMNS = ("what", "median", "95 %", "most", "processor")
QUEUED, SHOWN = "which voice is next", "what its card shows"


@click.command()
@click.option("--segments", type=click.IntRange(100), default=1_000_000, show_default=True)
@click.option("--voices", type=click.IntRange(10), default=10_000, show_default=True)
@click.option("--people", type=click.IntRange(1), default=200, show_default=True)
@click.option("--cards", type=click.IntRange(1), default=200, show_default=True)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(*, segments: int, voices: int, people: int, cards: int, markdown: bool) -> None:
    """Ask for the queue and for one card after the other, and dismiss or skip each."""
    console = Console(highlight=False, width=120)
    command = shlex.join(["python", "tests/benchmarks/page.py", *sys.argv[1:]])
    late: list[str] = []
    for line in (f"`{command}`, {date.today()}", machine.describe(), ""):
        console.print(line, markup=False, soft_wrap=True)
    with made(segments, voices, people) as store:
        for measured in (measure, serve):
            table, slow = measured(store, cards)
            table.show(console, markdown=markdown)
            late += [slow] * bool(slow)
    for slow in late:
        console.print(f"[red]{slow}")
    sys.exit(bool(late))


@contextmanager
def made(segments: int, voices: int, people: int) -> Iterator[VoiceStore]:
    """A store with such a library, freshly opened."""
    with (
        temporary_folder() as folder,
        VoiceStore.open(folder=folder, keep_text=True, consent=False) as store,
    ):
        started = time.perf_counter()
        library.build(store, segments=segments, unknown=voices, enrolled=people)
        click.echo(f"written in {time.perf_counter() - started:.0f} s", err=True)
        with VoiceStore.open(folder=folder) as fresh:
            yield fresh


def measure(store: VoiceStore, cards: int) -> tuple[Table, str]:
    """The figures of the store, and what is slower than required."""
    table, calls = Table("Reviewing", COLUMNS), Calls(store)
    calls("the queue's first 20 voices", store.voices.queue)
    skipped: list[int] = []
    for place in range(cards):
        (voice,) = calls(QUEUED, partial(store.voices.queue, limit=1, skip=skipped))
        calls(SHOWN, partial(store.voices.card, voice.number))
        if place % 2:
            skipped.append(voice.number)
        else:
            calls("dismissing a voice", partial(store.voices.dismiss, voice.number, "tv"))
    for what, asked in OTHERS.items():
        for _ in range(3):
            calls(what, partial(asked, store))
    both = f"the next card, {cards} in a row: both"
    calls.join(both, (QUEUED, SHOWN))
    return calls.fill(table), calls.late(both)


def serve(store: VoiceStore, cards: int) -> tuple[Table, str]:
    """The same through `pgvoice serve`, without a network and a browser."""
    browser = client(store)
    table, calls = Table("The page", COLUMNS), Calls(store)
    calls("the first card", lambda: browser.get("/review"))
    for place in range(cards):
        page = browser.get("/review").text
        number = int(re.findall(r"<h1>Voice (\d+)", page)[0])
        then = int(re.findall(r'data-next="/review/(\d+)"', page)[0])
        calls(
            "the next card, fetched ahead", partial(browser.get, f"/review/{then}", headers=AHEAD)
        )
        what, fields = ("dismiss", {"why": "tv"}) if place % 2 else ("skip", dict[str, str]())
        answer = partial(browser.post, f"/review/{number}/{what}", data={"then": then, **fields})
        calls(f"from {what} to the next card", answer)
    return calls.fill(table), calls.late("from skip to the next card")


#: How a page asks for the card that it shows next.
AHEAD = {"Purpose": "prefetch"}
OTHERS: dict[str, Callable[[VoiceStore], object]] = {
    "all unknown voices": lambda store: store.voices.unknown(),
    "all suggestions": lambda store: store.voices.suggestions(),
    "50 recordings": lambda store: store.recordings.summaries(),
    "a frequent word": lambda store: store.answers.search_text("water"),
    "a text that nobody says": lambda store: store.answers.search_text("xylophone"),
}


class Calls:
    """How long calls of some kinds take, by the clock and of the processors' time."""

    def __init__(self, store: VoiceStore) -> None:
        with store.database.engine.connect() as connection:
            backend = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()")))
        self._server = backend.parent()
        self._seconds = defaultdict[str, list[float]](list)
        self._processor = defaultdict[str, float](float)

    def __call__(self, what: str, call: Callable[[], T]) -> T:
        server, own, started = self._served(), time.process_time(), time.perf_counter()
        answer = call()
        self._seconds[what].append(time.perf_counter() - started)
        own = time.process_time() - own
        self._processor[what] += own + self._served() - server
        return answer

    def join(self, what: str, kinds: Sequence[str]) -> None:
        """Add the times of calls that follow each other, in another kind."""
        self._seconds[what] = [
            sum(each) for each in zip(*(self._seconds[kind] for kind in kinds), strict=True)
        ]
        self._processor[what] = sum(self._processor[kind] for kind in kinds)

    def fill(self, table: Table) -> Table:
        """Add a row for each kind."""
        for what, seconds in self._seconds.items():
            cells = [*np.quantile(seconds, (0.5, 0.95, 1)), self._processor[what] / len(seconds)]
            table.add(what, *(f"{1000 * value:,.0f} ms" for value in cells))
        return table

    def late(self, what: str) -> str:
        """What to say if 95 % of these calls take longer than the next card may."""
        late = 1000 * float(np.quantile(self._seconds[what], 0.95))
        return "" if late < NEXT_MS else f"{what}: {late:.0f} ms"

    def _served(self) -> float:
        """Seconds of the server's processes, which the system counts in hundredths."""
        used = 0.0
        for each in self._server.children():
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                used += times.user + times.system
        return used


if __name__ == "__main__":
    main()
