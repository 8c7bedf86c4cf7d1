"""axe-core finds nothing serious on any page: light on a phone, and dark on a desk."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from pgvoice_testkit.browsing import SCHEMES, SIZES, served, tour, visit
from playwright.sync_api import Browser, Page

from pgvoice.store import VoiceStore

GRAVE = ("serious", "critical")


def _faults(page: Page) -> list[str]:
    """What axe-core objects to, and on which elements."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in GRAVE
        for node in each["nodes"]
    ]


def test_axe_finds_nothing_grave(browser: Browser, named: VoiceStore) -> None:
    faults, paths = [], set[str]()
    with served(named) as server, visit(browser, server) as (page, seen):
        for address in tour(page):
            paths.add(address.removeprefix(server.address).partition("?")[0])
            for (width, height), scheme in zip(SIZES.items(), SCHEMES, strict=True):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme)
                faults += _faults(page)
        assert seen.nothing(), seen
    assert faults == []
    assert paths >= {"/review", "/library", "/recording", "/people", "/person", "/trust", "/acts"}
