"""Somebody at the page ``/review`` who knows everybody's voice and has no mouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from playwright.sync_api import Browser, Page, expect

from pgvoice.store import VoiceStore
from pgvoice_testkit.audio.named_series import Said, recurring
from pgvoice_testkit.browsing import Served, served, visit

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


class Series(NamedTuple):
    """A store in which nobody has a name, and who speaks in its recordings."""

    store: VoiceStore
    turns: list[Said]

    @property
    def people(self) -> set[str]:
        return recurring(self.turns)

    def person(self, number: int) -> str:
        """Whose voice an unknown voice is, by most of its appearances."""
        labels = {(turn.video, turn.label): turn.person for turn in self.turns}
        heard = [labels[one.video, str(one.label)] for one in self.store.voices.show(number)]
        return Counter(heard).most_common(1)[0][0]

    def is_done(self) -> bool:
        """Whether no unknown voice is left that recurs."""
        return all(each.recordings == 1 for each in self.store.voices.unknown())


@contextmanager
def reviewing(browser: Browser, store: VoiceStore) -> Iterator[tuple[Page, Served]]:
    """The page of reviews in a browser, in which nothing goes wrong."""
    with served(store) as server, visit(browser, server, script=COUNT) as (page, seen):
        yield page, server
        assert seen.nothing(), seen


def review(page: Page, series: Series) -> list[Answer]:
    """Give everybody who recurs a name; whoever does not is skipped."""
    reviewer, answers = Reviewer(page), list[Answer]()

    def name(number: int) -> str | None:
        person = series.person(number)
        return person if person in series.people else None

    while not series.is_done():
        answers.append(reviewer.answer(name))
    return answers


def check_costs(answers: Iterable[Answer]) -> None:
    """Each voice cost one listen, and at most three keys besides the letters of a name."""
    assert {answer.listens for answer in answers} == {1}
    assert max(answer.keys for answer in answers) <= 3


def until(page: Page, check: Callable[[], bool]) -> None:
    """Let the page go on until it is so; raises `TimeoutError` after a long time.

    The pages' policy forbids Playwright's own waiting for an expression.
    """
    for _ in range(1000):
        if check():
            return
        page.wait_for_timeout(20)
    raise TimeoutError(page.inner_text("body"))
