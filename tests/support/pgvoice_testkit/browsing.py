"""A real Chromium, and ``pgvoice serve`` for it to look at."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    sync_playwright,
)

from pgvoice.cli.serve import running
from pgvoice.cli.serve.access.entrance import Entrance
from pgvoice.cli.serve.app import make_app
from pgvoice.cli.serve.settings import Settings
from pgvoice.store import VoiceStore

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
#: Nothing is loaded from elsewhere; root may start it; sound plays without a click.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--autoplay-policy=no-user-gesture-required",
)
Scheme = Literal["light", "dark"]
#: Widths in pixels of a phone and a desk, with their heights.
SIZES = {375: 812, 1440: 900}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def program() -> str | None:
    """The browser that is installed; None if there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A started browser; skips the test where none is installed."""
    found = program()
    if found is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    address: str
    entrance: Entrance

    @property
    def link(self) -> str:
        """The link that lets one browser in."""
        return self.entrance.link


@contextmanager
def served(store: VoiceStore, **settings: Any) -> Iterator[Served]:
    """The pages of a store on a free port, in a thread of this process."""
    listening = running.listen("127.0.0.1", 0)
    chosen = Settings(port=listening.getsockname()[1], **settings)
    app = make_app(store, chosen)
    server = running.prepare(app, chosen)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Served(chosen.address, app.state.entrance)
    finally:
        app.state.entrance.site.closing.set()
        server.should_exit = True
        thread.join()


@dataclass
class Seen:
    """What went wrong on the pages of a browser: to be empty at the end of a test."""

    #: Messages of errors in the console, among them what the site's policy forbade.
    errors: list[str] = field(default_factory=list)
    #: Dialogs that opened, as a script of somebody else would open them.
    dialogs: list[str] = field(default_factory=list)
    #: Addresses of other hosts that were asked for.
    strangers: list[str] = field(default_factory=list)

    def nothing(self) -> bool:
        return not (self.errors or self.dialogs or self.strangers)


@contextmanager
def visit(
    browser: Browser,
    server: Served,
    *,
    width: int = 1440,
    scheme: Scheme = "light",
    script: str = "",
    **options: Any,
) -> Iterator[tuple[Page, Seen]]:
    """A page of a new browser that came in by the link; it shows the start page.

    `script` runs before those of each page.
    """
    size = ViewportSize(width=width, height=SIZES[width])
    context = browser.new_context(viewport=size, color_scheme=scheme, **options)
    context.set_default_timeout(10_000)
    context.add_init_script(script)
    seen = watched(context, server)
    page = context.new_page()
    page.goto(server.link)
    try:
        yield page, seen
    finally:
        context.close()


def watched(context: BrowserContext, server: Served) -> Seen:
    """Notes what goes wrong in a browser."""
    seen, host = Seen(), urlsplit(server.address).netloc

    def hear(said: ConsoleMessage) -> None:
        # A page that says why something is refused has the status of a refusal.
        is_status = said.text.startswith("Failed to load resource")
        is_page = said.page is not None and said.location["url"] == said.page.url
        if said.type == "error" and not (is_status and is_page):
            seen.errors.append(f"{said.text} ({said.location['url']})")

    context.on("console", hear)
    context.on("weberror", lambda failed: seen.errors.append(str(failed.error)))

    def dismiss(dialog: Any) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    def note(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != host:
            seen.strangers.append(request.url)

    context.on("dialog", dismiss)
    context.on("request", note)
    return seen


def tour(page: Page, *, most: int = 1) -> Iterator[str]:
    """Show every page that links lead to, at most so many per path; yields their addresses.

    Each page must be one that the server meant to show.
    """
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    shown: set[str] = set()
    waiting, per_path = [page.url], Counter[str]()
    while waiting:
        address = waiting.pop(0).partition("#")[0]
        path = urlsplit(address).path
        if address in shown or per_path[path] >= most or not address.startswith(origin + "/"):
            continue
        shown.add(address)
        per_path[path] += 1
        answer = page.goto(address)
        assert answer is not None
        assert answer.status < 500, address
        yield address
        waiting += page.eval_on_selector_all(
            "a[href]:not(.clip, [download])",
            "links => links.map(link => new URL(link.getAttribute('href'), location).href)",
        )
