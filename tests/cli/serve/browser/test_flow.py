"""From unknown voices to a named library in a browser: review, undo, correct, export.

tests/whole/test_naming_a_library.py does the same with real recordings.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.reviewing import Reviewer, Series, check_costs, review, reviewing
from pgvoice_testkit.stores.unknown_voices import changed_tables, checksums
from playwright.sync_api import Browser, expect

from pgvoice.cli.serve.site import url
from pgvoice.hooks.formats.reading import read_segments
from pgvoice.store import VoiceStore
from pgvoice.store.keys import snap_ms


@pytest.fixture
def series(heard: VoiceStore, library: object) -> Series:
    return Series(heard, library.turns)  # type: ignore[attr-defined]


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


def test_everybody_who_recurs_gets_a_name(browser: Browser, series: Series) -> None:
    with reviewing(browser, series.store) as (page, _):
        answers = review(page, series)
    check_costs(answers)
    assert {answer.name for answer in answers} - {None} == series.people
    assert len(answers) <= len({turn.person for turn in series.turns})
    assert _shares(series) == (1.0, 0.0)


def test_an_answer_is_undone_by_a_key(browser: Browser, series: Series) -> None:
    before = checksums(series.store)
    with reviewing(browser, series.store) as (page, _):
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
    with reviewing(browser, store) as (page, server):
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
