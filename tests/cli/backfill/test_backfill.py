"""``pgvoice backfill``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

Command = Callable[..., Result]


@pytest.fixture
def manifest(talk: Path, tmp_path: Path) -> Path:
    path = tmp_path / "library.jsonl"
    good = {"video": "talk", "audio": str(talk), "segments": [[0, 2], [4, 6]]}
    bad = {"video": "gone", "audio": "gone.wav", "segments": [[0, 2]]}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    return path


def test_run_status_failed_and_again(
    pgvoice: Command, encoder: CountingEncoder, manifest: Path, tmp_path: Path
) -> None:
    assert "no backfill yet" in pgvoice("backfill", "status").output
    ran = pgvoice("backfill", "run", manifest, "--retries", 0)
    assert ran.exit_code == 1
    assert ran.stdout.startswith(
        "2 recordings: 0 already complete, 1 filled (2 vectors), 1 failed\n  gone: "
    )
    (status,) = json.loads(pgvoice("backfill", "status", "--json").stdout)
    assert (status["backfill"], status["done"], status["failed"]) == ("library", 1, 1)
    assert "library" in pgvoice("backfill", "status").stdout
    again = tmp_path / "again.jsonl"
    listed = pgvoice("backfill", "failed", "library", "--output", again)
    assert "gone.wav" in listed.stdout
    (row,) = map(json.loads, again.read_text().splitlines())
    row["audio"] = json.loads(manifest.read_text().splitlines()[0])["audio"]
    again.write_text(json.dumps(row))
    assert pgvoice("backfill", "run", again, "--name", "library").exit_code == 0
    assert pgvoice("backfill", "failed").stdout == "no recording failed\n"
    loads, calls = encoder.loads, len(encoder.calls)
    warm = pgvoice("backfill", "run", manifest, "--shard", "1/1", "--json")
    assert json.loads(warm.stdout)["complete"] == 2
    assert (encoder.loads, len(encoder.calls)) == (loads, calls)
    assert sum(encoder.calls) == 3


def test_wrong_shards(pgvoice: Command, manifest: Path) -> None:
    for shard in ("0/2", "3/2", "2", "a/b"):
        assert pgvoice("backfill", "run", manifest, "--shard", shard).exit_code == 2


def test_metrics(pgvoice: Command, encoder: CountingEncoder, manifest: Path) -> None:
    ran = pgvoice("backfill", "run", manifest, "--retries", 0, "--metrics", 0)
    assert "metrics at http://127.0.0.1:" in ran.stderr
    text = pgvoice("backfill", "metrics", "library").stdout
    lines = text.splitlines()
    assert 'pgvoice_backfill_recordings{backfill="library",state="failed"} 1.0' in lines
    assert 'pgvoice_backfill_vectors_total{backfill="library"} 2.0' in lines
    for address in ("x", "host:", "70000"):
        assert pgvoice("backfill", "run", manifest, "--metrics", address).exit_code == 2
