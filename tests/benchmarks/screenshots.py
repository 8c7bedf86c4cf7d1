"""Pictures of every page: ``python tests/benchmarks/screenshots.py --to FOLDER``.

Of a store with the demo's series, in a Chromium that is installed; one per page, width and colour
scheme. ``--readme FILE`` takes the picture that the README shows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.browsing import SCHEMES, SIZES, Scheme, Served, chromium, served, tour, visit
from pgvoice_testkit.servers.databases import temporary_folder
from pgvoice_testkit.stores.series import fill_series
from playwright.sync_api import Browser

from pgvoice.store import VoiceStore

#: The README's picture: its size in pixels.
WIDTH, HEIGHT = 1000, 700
#: The room that pages leave for it.
SCROLLBAR = 15


@click.command()
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder of all pictures.")
@click.option("--readme", type=click.Path(path_type=Path), help="File of the README's picture.")
def main(folder: Path | None, readme: Path | None) -> None:
    """Take pictures of the pages, of a store with the demo's series."""
    if folder is None and readme is None:
        raise click.UsageError("say what to take: --to FOLDER or --readme FILE")
    with _series() as store, chromium() as browser, served(store) as server:
        if readme is not None:
            suggested = next(each for each in store.voices.unknown() if each.suggested)
            _take_card(browser, server, suggested.number, readme)
        if folder is not None:
            for width in SIZES:
                for scheme in SCHEMES:
                    _take_all(browser, server, folder, width, scheme)


@contextmanager
def _series() -> Iterator[VoiceStore]:
    """The series, in which one person has a name."""
    with (
        temporary_folder() as folder,
        temporary_folder() as files,
        VoiceStore.open(folder=folder, consent=False) as store,
    ):
        fill_series(store, files)
        first = store.voices.unknown()[0]
        store.voices.name(first.number, "Ada")
        store.labels.label()
        yield store


def _take_all(browser: Browser, server: Served, folder: Path, width: int, scheme: Scheme) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with visit(browser, server, width=width, scheme=scheme) as (page, seen):
        for address in tour(page):
            name = urlsplit(address).path.strip("/").replace("/", "-")
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            click.echo(f"{name} {width} {scheme}" + (f": {overflow} px too wide" * (overflow > 0)))
    for fault in (*seen.errors, *seen.dialogs, *seen.strangers):
        click.echo(f"FAULT: {fault}", err=True)


def _take_card(browser: Browser, server: Served, number: int, file: Path) -> None:
    """The card of a voice, while its clip plays."""
    with visit(browser, server) as (page, _):
        page.set_viewport_size({"width": WIDTH + SCROLLBAR, "height": HEIGHT})
        page.goto(f"{server.address}/review/{number}")
        page.wait_for_selector("a.clip[data-state=playing]")
        page.screenshot(path=file, clip={"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT})
        click.echo(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
