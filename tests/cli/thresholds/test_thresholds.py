"""``pgvoice thresholds``: which apply, what they rest on, and how they rise with the gallery."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.filled import ENCODER, X, Y, put
from pgvoice_testkit.stores.voices import PEOPLE, STRANGERS, enroll, write
from sqlalchemy import text

from pgvoice.store import VoiceStore

Pgvoice = Callable[..., Result]


@pytest.fixture
def small(pgvoice: Pgvoice, store_url: str) -> Pgvoice:
    """Calls ``pgvoice`` on a store with a recording of two people, who are enrolled."""
    with VoiceStore.open(store_url) as store:
        put(store, "talk", {(0, 2): X, (2, 4): Y})
        store.people.enroll_segments("Ada", "talk", [(0, 2)])
        store.people.enroll_segments("Bob", "talk", [(2, 4)])
    return pgvoice


@pytest.fixture
def library(pgvoice: Pgvoice, store_url: str) -> Pgvoice:
    """Calls ``pgvoice`` on a store with turns of three recordings; two people are enrolled."""
    with VoiceStore.open(store_url) as store:
        for seed in (1, 2, 3):
            turns = write(store, f"v{seed}", (*PEOPLE[:3], *STRANGERS[:3]), each=3, seed=seed)
            store.recordings.store_turns(f"v{seed}", turns)
        enroll(store, "v3", turns, PEOPLE[:2])
    return pgvoice


def _document(done: Result) -> dict[str, object]:
    assert done.exit_code == 0, done.output
    document: dict[str, object] = json.loads(done.stdout)
    return document


def _cells(line: str) -> list[str]:
    """Of a line of the table, without the lengths."""
    return [cell.strip() for cell in line.split("  ")[1:] if cell.strip()]


def test_before_the_library_has_told(small: Pgvoice) -> None:
    lines = small("thresholds").stdout.splitlines()
    assert lines[:3] == [f"encoder {ENCODER}", "thresholds: encoder default", "made up"]
    facts = dict(line.split(maxsplit=1) for line in lines[4:11])
    assert facts["target"] == "FAR   1 % of strangers' speech may get a name"
    assert facts["recordings"].startswith("0 ")
    assert facts["measured"] == "-"
    assert facts["missing"] == ("3 recordings and 10 voices, for thresholds of the library's own")
    header, row = lines[-2:]
    assert _cells(header) == ["1 person", "now: 2 people", "4 people", "16 people", "64 people"]
    assert row.startswith("any length  0.50 (0.")
    assert sorted(_cells(row)) == _cells(row), "they rise with the number of people"
    assert small("identify", "talk").stdout.splitlines()[-1].endswith("people (encoder default)")


def test_the_library_sets_its_own(library: Pgvoice) -> None:
    assert _document(library("thresholds", "--json"))["kind"] == "encoder default"
    done = library("thresholds", "--refresh")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[1] == "thresholds: library of 3 recordings, FAR 1 %"
    assert "\nvoices       18 labels in these\n" in done.stdout
    assert "\nmissing " not in done.stdout
    assert "see `pgvoice identify --wide`" in lines[-1]
    last = library("identify", "v1").stdout.splitlines()[-1]
    assert last.startswith("threshold about 0.")
    assert last.endswith(" for 2 people (library of 3 recordings, FAR 1 %)")
    answers = _document(library("identify", "v1", "--json"))["segments"]
    assert isinstance(answers, list)
    assert {each["threshold_source"] for each in answers} == {"library of 3 recordings, FAR 1 %"}


def test_as_json(library: Pgvoice) -> None:
    found = _document(library("thresholds", "--refresh", "--json"))
    assert (found["kind"], found["gallery"], found["target_far"]) == ("library", 2, 0.01)
    measured, galleries = found["library"], found["galleries"]
    assert isinstance(measured, dict)
    assert (measured["recordings"], measured["voices"], measured["over_split"]) == (3, 18, 0)
    assert measured["comparisons"] == 3 * 18 * 5
    assert isinstance(galleries, list)
    assert [each["gallery"] for each in galleries] == [1, 2, 4, 16, 64]
    assert galleries[1]["bands"] == found["bands"]
    for bands in zip(*(each["bands"] for each in galleries), strict=True):
        required = [band["threshold"] for band in bands]
        assert required == sorted(required)
        assert all(band["suggested"] <= band["threshold"] for band in bands)


def test_the_target(small: Pgvoice) -> None:
    before = _document(small("thresholds", "--json"))["bands"]
    done = small("thresholds", "--target-far", "0.005")
    assert "\ntarget FAR   0.5 % of strangers' speech may get a name\n" in done.stdout
    after = _document(small("thresholds", "--json"))
    assert after["target_far"] == 0.005
    assert isinstance(before, list)
    assert isinstance(after["bands"], list)
    assert after["bands"][0]["threshold"] > before[0]["threshold"]
    for wrong in ("0", "0.2", "nan"):
        assert small("thresholds", "--target-far", wrong).exit_code == 2


def test_a_calibration_goes_first(small: Pgvoice, store_url: str) -> None:
    with VoiceStore.open(store_url) as store, store.database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds,"
                " margins, gallery, far_bound, confidence, labels_from, measured, active)"
                " SELECT id, 0.02, ARRAY[0, 2000], ARRAY[0.3, 0.4], ARRAY[0.1, 0.1], 2, 0.02,"
                " 0.95, 'talk', '{}', true FROM pgvoice.encoder"
            )
        )
    lines = small("thresholds").stdout.splitlines()
    assert lines[1].startswith("thresholds: calibrated 2")
    assert lines[2] == "`pgvoice calibrate --reset` ends the calibration"
    assert "target FAR   1 % of strangers' speech may get a name, unless calibrated" in lines
    assert [_cells(line)[1][:4] for line in lines[-2:]] == ["0.30", "0.40"]
    last = small("identify", "talk").stdout.splitlines()[-2:]
    assert last[0].startswith("threshold 0.30 to 0.40 for 2 people (calibrated 2")
    assert last[0].endswith(", FAR at most 2 %)")
    assert last[1] == "margin 0.100"
    assert small("calibrate", "--reset").exit_code == 0
    assert _document(small("thresholds", "--json"))["kind"] == "encoder default"


def test_an_unknown_encoder(small: Pgvoice, tmp_path: Path) -> None:
    done = small("thresholds", "--encoder", "else")
    assert (done.exit_code, "no vectors of 'else' in the store" in done.stderr) == (1, True)
