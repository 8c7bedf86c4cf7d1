"""Somebody at the page ``/review`` who knows everybody's voice and has no mouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from playwright.sync_api import Page, expect

#: Counts the clips that begin to play, over all pages of a browser's tab.
COUNT = """
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  this.addEventListener("playing", () => {
    sessionStorage.played = Number(sessionStorage.played ?? 0) + 1;
  }, { once: true });
  return play.call(this);
};
"""


class Answer(NamedTuple):
    """What an unknown voice cost."""

    number: int
    name: str | None
    #: Pressed besides the letters of the name.
    keys: int
    listens: int


@dataclass
class Reviewer:
    """Listens to each card once, and answers it by the keyboard."""

    page: Page
    #: Clips that played on the cards before this one.
    heard: int = 0

    def answer(self, name_of: Callable[[int], str | None]) -> Answer:
        """Name the voice on the card, or skip it if it has no name; the next card is shown then."""
        number = self.number()
        until(self.page, lambda: self._played() > self.heard)
        name, keys = name_of(number), ["k"]
        if name is not None:
            self.page.keyboard.press("n")
            self.page.keyboard.type(name)
            keys = ["n", "Enter"]
        listens = self._played() - self.heard
        self.heard += listens
        self.page.keyboard.press(keys[-1])
        expect(self.page.locator("h1")).not_to_have_text(f"Voice {number}")
        return Answer(number, name, len(keys), listens)

    def number(self) -> int:
        """The voice on the card."""
        return int(self.page.locator("h1").inner_text().removeprefix("Voice "))

    def _played(self) -> int:
        return int(self.page.evaluate("Number(sessionStorage.played ?? 0)"))


def until(page: Page, check: Callable[[], bool]) -> None:
    """Let the page go on until it is so; raises `TimeoutError` after a long time.

    The pages' policy forbids Playwright's own waiting for an expression.
    """
    for _ in range(1000):
        if check():
            return
        page.wait_for_timeout(20)
    raise TimeoutError(page.inner_text("body"))
