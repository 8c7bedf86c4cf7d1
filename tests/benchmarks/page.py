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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
from rich.console import Console

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
    """The figures, and what is slower than required."""
    table = Table("Reviewing", ("what", "median", "95 %", "most"))
    table.add("the queue's first 20 voices", *_ms([timed(store.voices.queue)[0]]))
    queued, shown, dismissed, skipped = [], [], [], list[int]()
    for place in range(cards):
        seconds, (voice, *_) = timed(lambda: store.voices.queue(limit=1, skip=skipped))
        queued.append(seconds)
        number = voice.number
        shown.append(timed(partial(store.voices.card, number))[0])
        if place % 2:
            skipped.append(number)
        else:
            dismissed.append(timed(partial(store.voices.dismiss, number, "tv"))[0])
    whole = [one + other for one, other in zip(queued, shown, strict=True)]
    table.add(f"the next card, {cards} in a row", *_ms(whole))
    table.add("of it: which is next", *_ms(queued))
    table.add("of it: what it shows", *_ms(shown))
    table.add("the answer before, if it is to dismiss", *_ms(dismissed))
    for what, asked in OTHERS.items():
        table.add(what, *_ms([timed(partial(asked, store))[0] for _ in range(3)]))
    late = float(np.quantile(whole, 0.95)) * 1000
    return table, "" if late < NEXT_MS else f"the next card takes {late:.0f} ms"


def serve(store: VoiceStore, cards: int) -> tuple[Table, str]:
    """The same through `pgvoice serve`, without a network and a browser."""
    browser = client(store)
    table = Table("The page", ("what", "median", "95 %", "most"))
    seconds, answer = timed(partial(browser.get, "/review"))
    table.add("the first card", *_ms([seconds]))
    ahead, skipped, dismissed = [], [], []
    for place in range(cards):
        number = int(re.findall(r"<h1>Voice (\d+)", answer.text)[0])
        (then,) = re.findall(r'data-next="([^"]+)"', answer.text)
        ahead.append(timed(partial(browser.get, then, headers=AHEAD))[0])
        said = "dismiss" if place % 2 else "skip"
        fields = {"why": "tv", "then": then.rpartition("/")[2]}
        seconds, answer = timed(partial(browser.post, f"/review/{number}/{said}", data=fields))
        (dismissed if place % 2 else skipped).append(seconds)
    table.add(f"the next card, fetched ahead, {cards} in a row", *_ms(ahead))
    table.add("from skipping to the next card", *_ms(skipped))
    table.add("from dismissing to the next card", *_ms(dismissed))
    late = float(np.quantile(skipped, 0.95)) * 1000
    return table, "" if late < NEXT_MS else f"the next card's page takes {late:.0f} ms"


#: How a page asks for the card that it shows next.
AHEAD = {"Purpose": "prefetch"}
OTHERS: dict[str, Callable[[VoiceStore], object]] = {
    "all unknown voices": lambda store: store.voices.unknown(),
    "all suggestions": lambda store: store.voices.suggestions(),
    "50 recordings": lambda store: store.recordings.summaries(),
    "a frequent word": lambda store: store.answers.search_text("water"),
    "a text that nobody says": lambda store: store.answers.search_text("xylophone"),
}


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds that a call takes, and what it returns."""
    started = time.perf_counter()
    answer = call()
    return time.perf_counter() - started, answer


def _ms(times: list[float]) -> list[str]:
    return [f"{1000 * value:,.1f} ms" for value in np.quantile(times, (0.5, 0.95, 1))]


if __name__ == "__main__":
    main()
