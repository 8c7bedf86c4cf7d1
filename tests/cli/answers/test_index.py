"""``pgvoice index``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from pgvoice_testkit.servers.databases import engine_of, run
from sqlalchemy import text

from pgvoice.store.answers import index_building, indexes

pytestmark = pytest.mark.usefixtures("encoder")
LABEL = "counting@sha256:fake"


def _status(pgvoice: Callable[..., Result]) -> dict[str, object]:
    (one,) = json.loads(pgvoice("index", "status", "--json").stdout)["encoders"]
    assert isinstance(one, dict)
    return one


def test_build_status_drop(filled: Callable[..., Result]) -> None:
    assert _status(filled)["indexed"] == 0
    assert "none" in filled("index", "status").stdout.splitlines()[1].split()
    built = filled("index", "build", "--memory", "70MB", "--workers", 0)
    assert (built.exit_code, built.stdout[: len(LABEL) + 14]) == (0, f"{LABEL}: index built,")
    unneeded = f"{LABEL}: the index is not outgrown; nothing to build\n"
    assert filled("index", "build").stdout == unneeded
    assert "index built" in filled("index", "build", "--anew").stdout
    assert _status(filled)["indexed"] == _status(filled)["parts"]
    assert "complete" in filled("index", "status").stdout
    assert filled("index", "drop").stdout.startswith(f"{LABEL}: index dropped,")
    assert filled("index", "drop").stdout == f"{LABEL}: no index\n"


def test_a_build_says_what_memory_it_lacks(
    filled: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Warning" not in filled("index", "build", "--anew").stderr
    monkeypatch.setattr(indexes, "MEMORY_BOUNDS", (1 << 10, 2 << 10))
    monkeypatch.setattr(indexes, "NODE", 10**9)
    assert "GB of memory while it is built" in filled("index", "build", "--anew").stderr
    assert "Warning" not in filled("index", "build", "--anew", "--memory", "70MB").stderr


def test_json(filled: Callable[..., Result]) -> None:
    report = json.loads(filled("index", "build", "--json").stdout)
    assert set(report) == {"encoder", "built", "without_workers", "without_memory"}
    dropped = json.loads(filled("index", "drop", "--json").stdout)
    assert dropped == {"encoder": LABEL, "dropped": len(report["built"])}


def test_progress_in_a_pipe_is_lines(
    filled: Callable[..., Result], store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_building, "INTERVAL", 0.001)
    found = indexes.progress
    with engine_of(store_url) as engine, engine.connect() as old:
        old.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        old.execute(text("SELECT count(*) FROM pgvoice.segment_embedding"))

        def released(*arguments: object) -> object:
            progress = found(*arguments)  # type: ignore[arg-type]
            if progress is not None:
                old.rollback()
            return progress

        monkeypatch.setattr(indexes, "progress", released)
        result = filled("index", "build")
    assert result.exit_code == 0
    assert result.stderr.startswith("segment_embedding")
    assert " %" in result.stderr


def test_what_would_help(
    filled: Callable[..., Result], store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "index build" not in filled("index", "status").stdout
    monkeypatch.setattr(indexes, "WORTH_FROM", 2)
    assert "`pgvoice index build` makes `pgvoice similar` fast" in filled("index", "status").stdout
    filled("index", "build")
    with engine_of(store_url) as engine:
        run(
            engine,
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN"
            " (SELECT index FROM pgvoice.segment_index)",
        )
    shown = filled("index", "status").stdout
    assert "interrupted" in shown
    assert "left by an interrupted build; `pgvoice index build` drops it" in shown


def test_newer_segments_than_the_index(filled: Callable[..., Result], store_url: str) -> None:
    filled("index", "build")
    assert _status(filled)["tail"] == 0
    with engine_of(store_url) as engine:
        run(engine, "UPDATE pgvoice.segment_embedding SET created_at = now()")
    one = _status(filled)
    assert one["tail"] == one["segments"]
    assert one["outgrown"] is False
    assert "newer" in filled("index", "status").stdout
    _make_outgrown(store_url)
    shown = filled("index", "status").stdout
    assert "outgrown" in shown.splitlines()[1].split()
    advice = "segments are newer than the index, and every search compares them"
    assert f"{advice}; `pgvoice index build` includes them" in shown
    checks = json.loads(filled("doctor", "--no-torch", "--json").stdout)["checks"]
    (check,) = (each for each in checks if each["name"] == "index")
    assert check["state"] == "warn"
    assert advice in check["detail"]
    assert "index built" in filled("index", "build").stdout
    assert "outgrown" not in filled("index", "status").stdout


def _make_outgrown(store_url: str) -> None:
    """Copy a segment 10,000 times."""
    with engine_of(store_url) as engine:
        run(
            engine,
            "INSERT INTO pgvoice.segment_embedding"
            " (video_id, start_ms, end_ms, encoder_id, dimension, embedding, status)"
            " SELECT video_id, 100 * n, 100 * n + 100, encoder_id, dimension, embedding, status"
            " FROM (SELECT * FROM pgvoice.segment_embedding WHERE embedding IS NOT NULL LIMIT 1)"
            " AS s, generate_series(1000000, 1010000) AS n",
        )


def test_an_index_of_an_earlier_release(filled: Callable[..., Result], store_url: str) -> None:
    with engine_of(store_url) as engine, engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        statements = text("SELECT statement FROM pgvoice.segment_index_statements(1)")
        for statement in connection.scalars(statements).all():
            connection.execute(text(statement.partition(" AND created_at")[0]))
    advice = "slows down every fill; `pgvoice index build --anew` replaces it"
    assert advice in filled("index", "status").stdout
    filled("index", "build", "--anew")
    assert advice not in filled("index", "status").stdout


def test_of_no_encoder(pgvoice: Callable[..., Result]) -> None:
    assert pgvoice("index", "build").exit_code == 1
    assert json.loads(pgvoice("index", "status", "--json").stdout) == {"encoders": []}
