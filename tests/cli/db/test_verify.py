"""``pgvoice db verify``: clean, and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result
from pgvoice_testkit.servers.databases import engine_of, run


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


def test_vectors_are_computed_again(filled: Callable[..., Result], talk: Path) -> None:
    done = filled("db", "verify", "--recompute", 9)
    assert (done.exit_code, done.output.endswith("\n0 problems\n")) == (0, True)
    assert "vectors that counting@sha256:fake computes again, a sample" in done.output
    with talk.open("ab") as file:
        file.write(b"more")
    changed = filled("db", "verify", "--recompute", 9)
    assert (changed.exit_code, "3 segments not recomputed: " in changed.output) == (0, True)
    document = json.loads(filled("db", "verify", "--recompute", 9, "--json").output)
    assert (document["ok"], list(document["unheard"].values())) == (True, [3])
    assert document["checks"][-1]["looked_at"] == 0


def test_a_vector_of_other_audio(filled: Callable[..., Result], store_url: str) -> None:
    with engine_of(store_url) as engine:
        run(
            engine,
            "UPDATE pgvoice.segment_embedding SET start_ms = 3000 WHERE start_ms = 4000",
        )
    done = filled("db", "verify", "--recompute", 9)
    assert done.exit_code == 1
    assert "talk, 3000 to 6000 ms: similarity 0." in done.output
