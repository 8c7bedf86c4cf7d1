"""The page of thresholds: what applies, what was measured, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.reading import confirm, forms, words
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores.filled import X, put
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE, enroll, write
from starlette.testclient import TestClient

from pgvoice.cli.serve.pages.histogram import histogram
from pgvoice.store import VoiceStore
from pgvoice.store.thresholds.scores import ScoreBin


@pytest.fixture(scope="module")
def measured(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Made-up voices with a calibration; tests leave it in use."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        enroll(store, "first", write(store, "first", PEOPLE, each=6, seed=1), PEOPLE)
        second = write(store, "second", PEOPLE, each=9, seed=2)
        store.thresholds.calibrate(0.05, encoder=ENCODER, labels={"second": second})
        store.thresholds.activate(1)
        yield store


@pytest.fixture(scope="module")
def browser(measured: VoiceStore) -> TestClient:
    return client(measured)


def test_nothing_is_stored(store: VoiceStore) -> None:
    assert "Nothing is stored yet" in words(client(store).get("/trust"))


def test_nothing_is_measured(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    shown = words(client(store).get("/trust"))
    assert "The encoder's own threshold" in shown
    assert "still needs 3 recordings with two labels or more, and 10 labels" in shown
    assert "Nothing is measured here yet" in shown
    assert "There is nothing to compare yet" in shown
    assert "Nobody is enrolled yet" in shown
    assert "now, 1 person 4 people 16 people 64 people" in shown


def test_what_was_measured(measured: VoiceStore, browser: TestClient) -> None:
    page = browser.get("/trust")
    shown = words(page)
    (calibration,) = measured.thresholds.calibrations()
    assert f"FAR at most {100 * (calibration.far_bound or 0):.3g} %, 95 % sure" in shown
    assert f"DIR {100 * calibration.figures.dir:.3g} %" in shown
    assert 'class="histogram"' in page.text
    assert "exemplars and other people's profiles" in shown


def test_scores_are_counts_of_all_comparisons(measured: VoiceStore) -> None:
    counts: dict[str, int] = {}
    for each in measured.thresholds.scores():
        counts[each.kind] = counts.get(each.kind, 0) + each.comparisons
    exemplars = sum(each.exemplars for each in measured.people.speakers())
    people = len(measured.people.speakers())
    assert counts["other people"] == exemplars * (people - 1)
    assert counts["same person"] == exemplars


def test_a_histogram_goes_down_where_a_stretch_has_none() -> None:
    found = [ScoreBin("other people", 0.0, 0.05, 1), ScoreBin("other people", 0.2, 0.25, 1)]
    drawn = histogram(found)
    assert drawn is not None
    points = [tuple(map(float, each.split(","))) for each in drawn.outlines["other people"].split()]
    assert [y for _, y in points] == [206, 8, 8, 206, 206, 8, 8, 206]
    assert points == sorted(points, key=lambda point: point[0])
    assert histogram([]) is None


def test_a_calibration_is_used_and_not(measured: VoiceStore, browser: TestClient) -> None:
    page = confirm(browser, browser.get("/trust"), "/trust/reset")
    assert "Calibration 1 is not in use any more" in words(page)
    assert "By calibration 1, the newest, which is not in use" in words(page)
    assert measured.thresholds.active() is None
    page = confirm(browser, page, "/trust/activate")
    assert "Calibration 1 is in use" in words(page)
    assert measured.thresholds.active() is not None


@pytest.mark.parametrize(
    ("percent", "far", "told"),
    [
        ("2", 0.02, "2 % now"),
        ("50", 0.02, "must be above 0"),
        ("nan", 0.02, "must be above 0"),
        ("1", 0.01, "1 % now"),
    ],
)
def test_the_target(
    measured: VoiceStore, browser: TestClient, percent: str, far: float, told: str
) -> None:
    if far == 0.02:
        measured.thresholds.set_target_far(far)
    page = confirm(browser, browser.get("/trust"), "/trust/target", percent=percent)
    assert told in words(page)
    assert measured.thresholds.target_far() == far


@pytest.mark.parametrize("values", [{"percent": "x"}, {}])
def test_a_target_that_is_no_number(browser: TestClient, values: dict[str, str]) -> None:
    assert browser.post("/trust/target", data=values).status_code == 422


def test_an_encoder_that_is_not_there(browser: TestClient) -> None:
    assert browser.get("/trust", params={"encoder": "x"}).status_code == 404


def test_a_reader_sees_no_scores(measured: VoiceStore) -> None:
    page = client(measured, read_only=True).get("/trust")
    assert "Only administrators see how similarities are distributed" in words(page)
    assert forms(page) == []
