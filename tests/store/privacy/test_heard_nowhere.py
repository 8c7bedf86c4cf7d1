"""Somebody who is enrolled and resembles nobody in the library, whose own thresholds apply."""

from __future__ import annotations

import numpy as np
import pytest
from pgvoice_testkit.stores import served_library
from pgvoice_testkit.stores.filled import THRESHOLD
from pgvoice_testkit.stores.voices import ENCODER, STRANGERS, said

from pgvoice.store import Exemplar, SegmentKey, VoiceStore


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    served_library.make(store)
    vector = said(STRANGERS[0], 6.0, np.random.default_rng(0))
    exemplar = Exemplar(vector, "d" * 64, SegmentKey(0, 6000), "elsewhere")
    store.people.enroll("Eve", [exemplar], ENCODER, THRESHOLD, consent="a form")
    assert store.thresholds.required().kind == "library"
    return store


def test_they_appear_nowhere(library: VoiceStore) -> None:
    assert library.answers.appearances("Eve") == []


def test_their_consent_can_be_withdrawn(library: VoiceStore) -> None:
    assert library.privacy.withdraw_consent("Eve") == 1


@pytest.mark.parametrize("with_segments", [True, False])
def test_they_can_be_erased(library: VoiceStore, with_segments: bool) -> None:
    library.privacy.erase_speaker("Eve", with_segments=with_segments)
    assert "Eve" not in [each.speaker for each in library.people.speakers()]
