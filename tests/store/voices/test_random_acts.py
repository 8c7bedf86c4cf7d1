"""Random acts and undos: what is undone is exactly as before, and the store agrees with itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.servers.databases import new_database, plain
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
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
Check = Callable[[list[Step]], Acting]


@pytest.fixture
def check(server_url: str, _linked: str) -> Check:
    """Takes steps in a new copy of the library, undoes what is left of them, and compares."""

    def take(steps: list[Step]) -> Acting:
        with new_database(server_url, _linked) as url, VoiceStore.open(plain(url)) as store:
            first, acting = sums(store), Acting(store)
            for step in steps:
                acting.take(step)
            assert problems(store) == []
            acting.undo_everything()
            assert acting.changed(first) == set()
            assert problems(store) == []
            return acting

    return take


@settings(_SETTINGS, max_examples=6)
@given(steps=st.lists(STEPS, min_size=6, max_size=8))
def test_a_few(check: Check, steps: list[Step]) -> None:
    check(steps)


@pytest.mark.slow
def test_a_thousand(check: Check) -> None:
    counts = {"done": 0, "undone": 0, "refused": 0}

    @settings(_SETTINGS, max_examples=80)
    @given(steps=st.lists(STEPS, min_size=15, max_size=30))
    def take(steps: list[Step]) -> None:
        acting = check(steps)
        for what in counts:
            counts[what] += getattr(acting, what)

    take()
    assert counts["done"] + counts["undone"] >= 1000
