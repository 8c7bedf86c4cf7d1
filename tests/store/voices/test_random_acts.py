"""Random acts and undos: what is undone is exactly as before, and the store agrees with itself."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.stores.random_acts import Acting, Step, problems, sums

from pgvoice.store import VoiceStore

ACTS = (
    *("enroll", "enroll", "consent", "rename", "merge", "split", "remove", "drop"),
    *("drop outliers", "restore", "label", "relabel", "revert", "pin", "unpin"),
    *("name", "name", "dismiss", "same", "different", "accept", "reject"),
)
STEPS = st.builds(
    Step,
    st.sampled_from([*ACTS, "undo", "undo any", "undo any"]),
    st.integers(0, 5),
    st.integers(0, 5),
)
_SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)


def _check(store: VoiceStore, steps: list[Step]) -> Acting:
    """Take steps, and undo what is left of them."""
    first, acting = sums(store), Acting(store)
    for step in steps:
        acting.take(step)
    assert problems(store) == []
    acting.undo_everything()
    assert sums(store) == first
    assert problems(store) == []
    return acting


@settings(_SETTINGS, max_examples=6)
@given(steps=st.lists(STEPS, min_size=6, max_size=8))
def test_a_few(library: VoiceStore, steps: list[Step]) -> None:
    _check(library, steps)


@pytest.mark.slow
def test_a_thousand(library: VoiceStore) -> None:
    counts = {"done": 0, "undone": 0, "refused": 0}

    @settings(_SETTINGS, max_examples=80)
    @given(steps=st.lists(STEPS, min_size=15, max_size=30))
    def check(steps: list[Step]) -> None:
        acting = _check(library, steps)
        for what in counts:
            counts[what] += getattr(acting, what)

    check()
    assert counts["done"] + counts["undone"] >= 1000
