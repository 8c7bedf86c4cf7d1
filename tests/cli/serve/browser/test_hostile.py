"""Names, keys, labels and texts that are written like a page's own code stay text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter
from pgvoice_testkit.browsing import served, tour, visit
from pgvoice_testkit.servers.databases import migrate, new_database, plain
from pgvoice_testkit.stores import audible
from pgvoice_testkit.stores.voices import PEOPLE
from playwright.sync_api import Browser
from starlette.responses import HTMLResponse, Response

from pgvoice.cli.serve.site import url
from pgvoice.hooks import RegisterPage, hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.store import VoiceStore

#: Not longer, as SQL compares the spelling of names letter by letter.
EVIL = (
    "{}'\"></textarea></title></script><script>alert(1)</script><svg onload=alert(2)>"
    "<img src=//elsewhere.example/x><style>*{{display:none}}</style>{{{{7*7}}}}\x1b[31m\u202e../%2e"
)
KEY, LABEL, TEXT = (EVIL.format(what) for what in ("key", "label", "text"))
NAMES = [EVIL.format(what) for what in ("Ada", "Bob")]


@pytest.fixture(scope="module")
def hostile(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoiceStore]:
    """Everything that people write is an attack; two of the three who recur have such names."""
    recordings = {f"{KEY}{number}": PEOPLE[:3] for number in range(2)}
    with new_database(server_url) as database:
        migrate(database, keep_text=True)
        with VoiceStore.open(plain(database)) as store:
            audible.fill(
                store,
                tmp_path_factory.mktemp("sounds"),
                recordings,
                TEXT,
                lambda place: f"{LABEL}{place}",
            )
            for voice, name in zip(store.voices.unknown(), NAMES, strict=False):
                store.voices.name(voice.number, name, consent=EVIL)
            yield store


def test_nothing_that_people_write_is_run_or_loaded(browser: Browser, hostile: VoiceStore) -> None:
    texts: dict[str, str] = {}
    with served(hostile) as server, visit(browser, server) as (page, seen):
        for address in tour(page, most=2):
            path = address.removeprefix(server.address).partition("?")[0]
            texts[path] = texts.get(path, "") + page.inner_text("body")
        assert seen.nothing(), seen
    assert KEY.strip()[:40] in texts["/library"]
    for text in (NAMES[0], LABEL, TEXT):
        assert text[:40] in texts["/recording"]
    assert NAMES[0][:40] in texts["/people"]
    assert NAMES[1][:40] in texts["/acts"]


def test_nothing_that_an_address_says_is_run_or_loaded(
    browser: Browser, hostile: VoiceStore
) -> None:
    addresses = [
        *(url(path, q=EVIL) for path in ("/library", "/people", "/search")),
        *(url("/search", kind=kind, q=EVIL) for kind in ("text", EVIL)),
        *(url("/recording", video=video, back=EVIL) for video in (EVIL, f"{KEY}0")),
        *(url(path, name=EVIL) for path in ("/person", "/person/erase", f"/{EVIL}")),
        *(url("/audit", subject=EVIL), url("/review/1", token=EVIL), url("/acts", before=EVIL)),
    ]
    with served(hostile) as server, visit(browser, server) as (page, seen):
        for address in addresses:
            answer = page.goto(server.address + address)
            assert answer is not None
            assert answer.status < 500, address
        assert seen.nothing(), seen


class Careless:
    """Shows what somebody wrote as if it were its own code."""

    @hookimpl
    def register_pages(self, register: RegisterPage) -> None:
        register("careless", self.make)

    def make(self, site: Any) -> APIRouter:
        router = APIRouter()

        @router.get("/careless")
        def show() -> Response:
            return HTMLResponse(f"<!doctype html><title>x</title>{EVIL.format('x')}")

        return router


def test_an_attack_that_gets_through_would_be_seen(browser: Browser, hostile: VoiceStore) -> None:
    installed.manager.cache_clear()
    installed.manager().register(Careless(), "careless")
    with served(hostile) as server, visit(browser, server) as (page, seen):
        page.goto(server.address + "/careless")
    installed.manager.cache_clear()
    forbidden = [error for error in seen.errors if "Content Security Policy" in error]
    assert any("inline script" in error for error in forbidden)
    assert any("inline style" in error for error in forbidden)
    assert any("elsewhere.example" in error for error in forbidden)
