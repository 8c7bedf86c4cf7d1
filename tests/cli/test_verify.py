"""``pgvoice db verify``: clean, and not."""

from __future__ import annotations

import json
from collections.abc import Callable

from click.testing import Result
from databases import engine_of, run


def test_a_clean_store(filled: Callable[..., Result]) -> None:
    done = filled("db", "verify")
    assert done.exit_code == 0
    assert done.output.endswith("\n0 problems\n")
    document = json.loads(filled("db", "verify", "--json", "--sample", 0).output)
    assert document["ok"]
    assert {check["problems"] for check in document["checks"]} == {0}


def test_a_damaged_store(filled: Callable[..., Result], store_url: str) -> None:
    with engine_of(store_url) as engine:
        run(engine, "UPDATE pgvoice.fill_run SET hits = 7")
    done = filled("db", "verify")
    assert done.exit_code == 1
    assert "fill 1" in done.output
    assert done.output.endswith("\n1 problem\n")
    assert not json.loads(filled("db", "verify", "--json").output)["ok"]
