"""Strange documents give results or one clear error; `tests/fuzz/readers.py` reads many more."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.documents.strange_documents import (
    FORMATS,
    LARGE,
    SERVICES,
    any_bytes,
    check,
    check_bytes,
    check_large,
    check_uem,
    documents,
    names,
    others,
)


@pytest.mark.parametrize(
    ("examples", "least"), [(40, 0), pytest.param(200, 10, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", [*FORMATS, *SERVICES])
def test_strange_documents(name: str, examples: int, least: int) -> None:
    """At least so many documents are read, and as many refused."""
    outcomes: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(text=documents(name), people=st.lists(names | st.none(), max_size=3), targets=others)
    def run(text: str, people: list[str | None], targets: list[str]) -> None:
        check(name, text, people, outcomes, targets)

    run()
    assert outcomes["refused by the reader"] > least
    assert outcomes[f"written as {name}"] > least


def test_strange_regions_and_bytes() -> None:
    regions, encodings = Counter[str](), Counter[str]()

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(text=documents("uem"), data=any_bytes)
    def run(text: str, data: bytes) -> None:
        check_uem(text, regions)
        check_bytes(data, encodings)

    run()
    assert min(regions["read"], regions["refused by the reader"]) > 2
    assert len(encodings) > 3


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in LARGE for kind in LARGE[name]])
def test_large_documents(name: str, kind: str) -> None:
    started = time.process_time()
    check_large(name, kind, Counter())
    assert time.process_time() - started < 10
