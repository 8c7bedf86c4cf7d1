"""Speaker linking on recordings of real people."""

from __future__ import annotations

import pytest
from pgvoice_benchmarks.naming.grouping import Linked
from pgvoice_benchmarks.naming.recordings import SETS, SINGLE, read
from pgvoice_benchmarks.naming.remembering import Remembering
from pgvoice_testkit.audio.shared_recordings import SPEECH

from pgvoice.hooks import make_encoder
from pgvoice.store import VoiceStore

ALL = (*SETS, *SINGLE)


@pytest.fixture(scope="module")
def encoder() -> Remembering:
    return Remembering(make_encoder("campplus", device="cpu"))


@pytest.mark.slow
@pytest.mark.skipif(not SPEECH.is_dir(), reason=f"no recordings at {SPEECH}")
@pytest.mark.parametrize("names", [*((name,) for name in ALL), ALL], ids="+".join)
def test_the_people_of_real_recordings_are_told_apart(
    store: VoiceStore, encoder: Remembering, names: tuple[str, ...]
) -> None:
    recordings = [one for name in names for one in read(name)]
    found = Linked(store, encoder).fill(recordings).grouping()
    precision, _, f = found.long().b_cubed()
    assert precision >= 0.99
    assert f >= 0.98
    backwards = Linked(store, encoder).fill(recordings[::-1]).grouping()
    assert backwards.partition() == found.partition()
