"""From ``pgvoice serve`` to the first sound: ``python tests/benchmarks/first_sound.py``.

In a Chromium that has been started and may play sound, on an embedded server that is up (warm) or
must be started (cold). The store has the demo's series, or another if ``--data`` names its folder.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.tables import Table, seconds
from pgvoice_testkit.browsing import chromium
from pgvoice_testkit.servers.databases import temporary_folder
from pgvoice_testkit.stores.series import fill_series
from playwright.sync_api import Browser

from pgvoice.store import VoiceStore

#: Notes when the first sound begins, in milliseconds since 1970.
HEAR = """
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  this.addEventListener("playing", () => (window.firstHeard ??= Date.now()), { once: true });
  return play.call(this);
};
"""
COLUMNS = ("server", "runs", "link, s", "page, s", "sound, s", "longest, s")


class Times(NamedTuple):
    """Seconds after the start of the program."""

    link: float
    page: float
    sound: float


@click.command()
@click.option("--runs", default=5, show_default=True, help="Runs on each kind of server.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of an embedded server.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
def main(runs: int, data: Path | None, markdown: bool) -> None:
    """Print how long it takes from the command to the first sound."""
    table = Table("First sound", COLUMNS, 2)
    with ExitStack() as stack:
        folder = data or stack.enter_context(_series())
        browser = stack.enter_context(chromium())
        for kind in ("warm", "cold"):
            with ExitStack() as held:
                if kind == "warm":
                    held.enter_context(VoiceStore.open(folder=folder))
                times = [_run(browser, folder) for _ in range(runs)]
            medians = [statistics.median(each) for each in zip(*times, strict=True)]
            table.add(kind, str(runs), *map(seconds, [*medians, max(one.sound for one in times)]))
    console = Console()
    table.show(console, markdown=markdown)
    console.print(machine.describe())


@contextmanager
def _series() -> Iterator[Path]:
    with temporary_folder() as folder, temporary_folder() as files:
        with VoiceStore.open(folder=folder, consent=False) as store:
            fill_series(store, files)
        yield folder


def _run(browser: Browser, folder: Path) -> Times:
    environment = os.environ | {"PGVOICE_DATA": str(folder), "PGVOICE_LINGER": "0"}
    command = [sys.executable, "-m", "pgvoice.cli", "serve", "--port", "0"]
    with browser.new_context() as context:
        context.add_init_script(HEAR)
        page = context.new_page()
        started = time.time()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as serve:
            assert serve.stdout is not None
            try:
                link = serve.stdout.readline().strip()
                printed = time.time()
                page.goto(link)
                shown = time.time()
                # The pages' policy forbids Playwright to wait for an expression.
                while not (heard := page.evaluate("window.firstHeard")):
                    page.wait_for_timeout(10)
            finally:
                serve.send_signal(signal.SIGTERM)
        return Times(printed - started, shown - started, heard / 1000 - started)


if __name__ == "__main__":
    main()
