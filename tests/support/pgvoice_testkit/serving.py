"""``pgvoice serve`` in the test's own process."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.testclient import TestClient

from pgvoice.cli.serve.access.entrance import Entrance
from pgvoice.cli.serve.app import make_app
from pgvoice.cli.serve.settings import Settings
from pgvoice.store import VoiceStore

#: Where the pages are, and what a browser says about a form on one of them.
ORIGIN = "http://127.0.0.1:8642"


def client(store: VoiceStore, **settings: Any) -> TestClient:
    """A browser that is logged in; `settings` are those of `Settings`."""
    browser = stranger(store, **settings)
    entered = browser.get(path_of(entrance_of(browser).link), follow_redirects=False)
    assert entered.status_code == 303, entered.text
    return browser


def stranger(store: VoiceStore, **settings: Any) -> TestClient:
    """A browser that has not come in."""
    app = make_app(store, Settings(**settings))
    origin = Settings(**settings).address
    return TestClient(app, base_url=origin, headers={"Origin": origin})


def entrance_of(browser: TestClient) -> Entrance:
    """The sessions and the link of the server that a browser calls."""
    entrance = browser.app.state.entrance  # type: ignore[attr-defined]
    assert isinstance(entrance, Entrance)
    return entrance


def path_of(link: str) -> str:
    """The path and query of a link."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"
