"""Enrollment on real speech: everybody is let in once, mixtures and second names are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgvoice.hooks import Recording, enroll_recordings, make_encoder
from pgvoice.store import IncoherentExemplars, SoundsLikeAnother, VoiceStore

PEOPLE = ("1688", "2033", "3080")


def _recordings(speech: Path, name: str, first: int, number: int = 2) -> list[Recording]:
    files = sorted((speech / "librispeech-test-other" / name).glob("*.flac"))
    return [Recording(file) for file in files[first : first + number]]


def test_people_are_let_in_once_and_alone(store: VoiceStore, speech: Path) -> None:
    encoder = make_encoder("campplus")
    for name in PEOPLE:
        enroll_recordings(store, encoder, name, _recordings(speech, name, 0))
    assert [person.outlying for person in store.people.quality()] == [0] * len(PEOPLE)
    assert all((person.nearest_similarity or 1) < 0.4 for person in store.people.quality())
    with pytest.raises(SoundsLikeAnother, match=r"'1688' 0\.[6-9]"):
        enroll_recordings(store, encoder, "somebody", _recordings(speech, "1688", 4))
    mixed = _recordings(speech, "1998", 0) + _recordings(speech, "2414", 0, 1)
    with pytest.raises(IncoherentExemplars, match=r"2414.*others have a similarity of 0\.[0-3]"):
        enroll_recordings(store, encoder, "several", mixed)
    enroll_recordings(store, encoder, "several", mixed, force=True)
    outliers = store.people.drop_outliers("several")
    assert {Path(outlier.source).parent.name for outlier in outliers} == {"2414"}
    assert store.people.quality("several")[0].outlying == 0
