"""Pages change in place, clips play, keys press buttons, and names complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pgvoice_testkit.browsing import served, visit
from playwright.sync_api import Browser, Page, Route, expect

from pgvoice.store import VoiceStore

FOCUSED = "document.activeElement.tagName"


@contextmanager
def _opened(browser: Browser, store: VoiceStore) -> Iterator[Page]:
    """The first card; `window.kept` is there until the browser loads a page."""
    with served(store) as server, visit(browser, server) as (page, _):
        expect(page.locator("h1")).to_have_text(re.compile(r"Voice \d+"))
        page.evaluate("window.kept = true")
        yield page


def test_links_and_the_way_back_change_the_page_in_place(
    browser: Browser, heard: VoiceStore
) -> None:
    with _opened(browser, heard) as page:
        first, title = page.url, page.title()
        page.get_by_role("link", name="People", exact=True).click()
        expect(page).to_have_title(re.compile("People"))
        assert page.url.endswith("/people")
        assert page.locator("nav [aria-current]").inner_text() == "People"
        assert page.evaluate(FOCUSED) == "H1"
        page.go_back()
        expect(page).to_have_title(title)
        assert page.url == first
        page.go_forward()
        expect(page).to_have_title(re.compile("People"))
        assert page.evaluate("window.kept")


def test_what_is_no_page_of_ours_is_loaded_by_the_browser(
    browser: Browser, heard: VoiceStore
) -> None:
    def answer(route: Route) -> None:
        route.fulfill(content_type="text/plain", body="something else")

    with _opened(browser, heard) as page:
        page.route("**/people", answer)
        page.get_by_role("link", name="People", exact=True).click()
        expect(page.locator("body")).to_have_text("something else")
        assert page.evaluate("window.kept") is None


def test_a_clip_plays_in_place_and_stops(browser: Browser, heard: VoiceStore) -> None:
    with _opened(browser, heard) as page:
        clip = page.locator("a.clip.best")
        other = page.locator(".voice-clips a.clip").nth(1)
        page.keyboard.press("ArrowRight")
        expect(other).to_have_attribute("data-state", "playing")
        expect(other).to_have_attribute("aria-pressed", "true")
        expect(clip).to_have_attribute("aria-pressed", "false")
        page.keyboard.press(" ")
        expect(clip).to_have_attribute("data-state", "playing")
        page.keyboard.press(" ")
        expect(clip).to_have_attribute("aria-pressed", "false")
        assert page.evaluate("window.kept")


def test_why_a_clip_cannot_be_heard_is_on_the_card(browser: Browser, heard: VoiceStore) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=404, content_type="text/html", body="<main><h1>No</h1><p>It is gone")

    with _opened(browser, heard) as page:
        page.route("**/clips?*", refuse)
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".clip-told")).to_have_text("It is gone")
        expect(page.locator("#told")).to_have_text("It is gone")


def test_keys_are_letters_in_a_field(browser: Browser, heard: VoiceStore) -> None:
    with _opened(browser, heard) as page:
        first = page.url
        page.keyboard.press("n")
        page.keyboard.type("kdu?")
        assert page.locator("#name").input_value() == "kdu?"
        page.keyboard.press("Escape")
        assert page.evaluate(FOCUSED) == "H1"
        page.keyboard.press("Control+k")
        page.keyboard.press("?")
        expect(page.locator("#keys dd", has_text="Skip it for now")).to_be_visible()
        page.keyboard.press("k")
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()
        assert page.url == first
        page.keyboard.press("d")
        expect(page.get_by_role("button", name="Music")).to_be_visible()
        page.keyboard.press("s")
        expect(page.get_by_role("button", name="Music")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Join")).to_be_hidden()


def test_names_complete(browser: Browser, named: VoiceStore) -> None:
    with _opened(browser, named) as page:
        page.keyboard.press("n")
        page.keyboard.type("a")
        option = page.get_by_role("option", name="Ada")
        expect(option).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(option).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Escape")
        expect(option).to_be_hidden()
        # As fast as anybody types: the names are not there yet.
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        # Ada does not sound like it: back on the card, the name is there to be forced.
        expect(page.locator(".refused")).to_contain_text("Not named Ada.")
        assert page.locator("#name").input_value() == "Ada"
        assert page.evaluate("window.kept")
