"""Diarization error rates on a few turns that can be reckoned by hand."""

from __future__ import annotations

import pytest

from pgvoice.hooks.evaluate.diarization import DiarizationError, diarization_error
from pgvoice.store.turns import Turn

REFERENCE = [Turn(0, 4, "Ada"), Turn(4, 8, "Bob"), Turn(8, 10, "stranger")]


def _rates(found: DiarizationError) -> list[float]:
    parts = (found.speech, found.missed, found.false_alarm, found.confusion, found.misnamed)
    return [round(part, 6) for part in parts]


def test_right_names_have_no_error() -> None:
    names = [*REFERENCE[:2], Turn(8, 10)]
    found = diarization_error(REFERENCE, names, strangers={"stranger"})
    assert (_rates(found), found.der, found.ier) == ([10, 0, 0, 0, 0], 0, 0)


def test_names_in_exchange_are_right_to_der_alone() -> None:
    names = [Turn(0, 4, "Bob"), Turn(4, 8, "Ada"), Turn(8, 10)]
    found = diarization_error(REFERENCE, names, strangers={"stranger"})
    assert [found.der, found.ier] == pytest.approx([0, 0.8])


def test_a_stranger_with_a_name_and_a_person_without() -> None:
    names = [Turn(0, 4, "Ada"), Turn(4, 8), Turn(8, 10, "Bob")]
    found = diarization_error(REFERENCE, names, strangers={"stranger"})
    assert [found.der, found.ier] == pytest.approx([0, 0.6])


def test_missed_speech_false_alarm_and_confusion() -> None:
    names = [Turn(0, 3, "Ada"), Turn(4, 9, "Bob"), Turn(10, 12, "Bob")]
    found = diarization_error(REFERENCE, names)
    assert _rates(found) == [10, 2, 2, 1, 1]
    assert found.der == pytest.approx(0.5)


def test_overlapping_speech_counts_for_each_unless_skipped() -> None:
    said = [Turn(0, 4, "Ada"), Turn(2, 6, "Bob")]
    names = [Turn(0, 4, "Ada"), Turn(2, 6, "Ada")]
    assert _rates(diarization_error(said, names)) == [8, 0, 0, 4, 4]
    assert _rates(diarization_error(said, names, skip_overlap=True)) == [4, 0, 0, 2, 2]


def test_a_collar_leaves_out_half_of_it_on_either_side() -> None:
    late = [Turn(0.2, 4, "Ada")]
    assert _rates(diarization_error(REFERENCE[:1], late)) == [4, 0.2, 0, 0, 0]
    assert _rates(diarization_error(REFERENCE[:1], late, collar=0.4)) == [3.6, 0, 0, 0, 0]


def test_errors_add_up() -> None:
    one = diarization_error(REFERENCE, REFERENCE)
    none = diarization_error(REFERENCE, [])
    assert _rates(one + none) == [20, 10, 0, 0, 0]
    assert (one + none).der == 0.5
