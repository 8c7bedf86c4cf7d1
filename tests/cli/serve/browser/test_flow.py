"""From unknown voices to a named library in a browser: review, undo, correct, export.

By the keyboard alone; on made-up people, and on real recordings where they are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from pgvoice_testkit.audio.named_series import SERIES, Said, recurring, turns_of
from pgvoice_testkit.browsing import Served, served, visit
from pgvoice_testkit.reviewing import COUNT, Answer, Reviewer
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.unknown_voices import changed_tables, checksums
from playwright.sync_api import Browser, Page, expect

from pgvoice.cli.serve.site import url
from pgvoice.hooks import Turn, fill, make_encoder
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.store import VoiceStore
from pgvoice.store.keys import snap_ms


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


@pytest.fixture
def series(heard: VoiceStore, library: object) -> Series:
    return Series(heard, library.turns)  # type: ignore[attr-defined]


@pytest.fixture
def real_series(speech: Path, server_url: str, template: str) -> Iterator[Series]:
    """Six episodes; two people are in five of them, six in four, and twelve in one."""
    turns = turns_of(speech)
    encoder = make_encoder("campplus")
    with new_database(server_url, template) as database, VoiceStore.open(plain(database)) as store:
        for recording in SERIES:
            video, audio = Path(recording).name, speech / f"{recording}.flac"
            spoken = [Turn(t.start, t.end, t.label) for t in turns if t.video == video]
            fill(store, encoder, video=video, audio=audio, segments=spoken)
        store.voices.enable()
        yield Series(store, turns)


@contextmanager
def _reviewing(browser: Browser, store: VoiceStore) -> Iterator[tuple[Page, Served]]:
    """The page of reviews in a browser, in which nothing goes wrong."""
    with served(store) as server, visit(browser, server, script=COUNT) as (page, seen):
        yield page, server
        assert seen.nothing(), seen


def _review(page: Page, series: Series) -> list[Answer]:
    """Give everybody who recurs a name; whoever does not is skipped."""
    reviewer, answers = Reviewer(page), list[Answer]()

    def name(number: int) -> str | None:
        person = series.person(number)
        return person if person in series.people else None

    while not series.is_done():
        answers.append(reviewer.answer(name))
    return answers


def _shares(series: Series) -> tuple[float, float]:
    """Which share of the longer turns of people who recur has the right name, and a wrong one."""
    names = {
        (video, label.start, label.end): label.speaker
        for video in {turn.video for turn in series.turns}
        for label in series.store.labels.current(video)
    }
    heard = [
        (turn.person, names[turn.video, snap_ms(turn.start) / 1000, snap_ms(turn.end) / 1000])
        for turn in series.turns
        if turn.person in series.people and turn.end - turn.start >= 1.5
    ]
    right = sum(person == name for person, name in heard)
    wrong = sum(name not in (person, None) for person, name in heard)
    return right / len(heard), wrong / len(heard)


def _check_costs(answers: Iterable[Answer]) -> None:
    """Each voice cost one listen, and at most three keys besides the letters of a name."""
    assert {answer.listens for answer in answers} == {1}
    assert max(answer.keys for answer in answers) <= 3


def test_everybody_who_recurs_gets_a_name(browser: Browser, series: Series) -> None:
    with _reviewing(browser, series.store) as (page, _):
        answers = _review(page, series)
    _check_costs(answers)
    assert {answer.name for answer in answers} - {None} == series.people
    assert len(answers) <= len({turn.person for turn in series.turns})
    assert _shares(series) == (1.0, 0.0)


def test_everybody_who_recurs_in_real_recordings_gets_a_name(
    browser: Browser, real_series: Series
) -> None:
    with _reviewing(browser, real_series.store) as (page, _):
        answers = _review(page, real_series)
    _check_costs(answers)
    assert {answer.name for answer in answers} >= real_series.people
    right, wrong = _shares(real_series)
    assert right >= 0.95
    assert wrong <= 0.02


def test_an_answer_is_undone_by_a_key(browser: Browser, series: Series) -> None:
    before = checksums(series.store)
    with _reviewing(browser, series.store) as (page, _):
        answer = Reviewer(page).answer(series.person)
        expect(page.locator("[data-key=u]")).to_be_visible()
        page.keyboard.press("u")
        expect(page.locator(".message").first).to_contain_text("Undone")
        assert Reviewer(page).number() == answer.number
    assert changed_tables(before, checksums(series.store)) == set()
    assert series.store.people.speakers() == []


def test_a_turn_is_corrected_and_exported(browser: Browser, series: Series, tmp_path: Path) -> None:
    store = series.store
    names = [series.person(each.number) for each in store.voices.unknown()[:2]]
    for number, name in zip((1, 2), names, strict=True):
        store.voices.name(number, name)
    turn = next(turn for turn in series.turns if turn.person == names[0])
    with _reviewing(browser, store) as (page, server):
        page.goto(server.address + url("/recording", video=turn.video))
        row = page.locator("table.turns tbody tr").first
        expect(row.locator(".who")).to_have_text(names[0])
        row.locator("summary").click()
        row.get_by_label("Who speaks in").fill(names[1])
        row.get_by_role("button", name="Speaks").first.click()
        expect(row.locator(".who")).to_have_text(names[1])
        page.get_by_label("Format").select_option("rttm")
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
        download.value.save_as(tmp_path / "exported.rttm")
    labels = {each.start: each.speaker for each in store.labels.current(turn.video)}
    assert labels[turn.start] == names[1]
    exported = read_segments(tmp_path / "exported.rttm")
    written = {name.replace(" ", "_"): name for name in names}
    assert {each.start: written[str(each.label)] for each in exported if each.label in written} == {
        start: speaker for start, speaker in labels.items() if speaker in names
    }
