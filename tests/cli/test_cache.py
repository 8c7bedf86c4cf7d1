"""``pgvoice cache``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pgvoice.cli import options

pytestmark = pytest.mark.usefixtures("encoder")


def test_stats(filled: Callable[..., Result], turns: Path) -> None:
    filled("fill", "talk", "none.wav", turns)
    lines = filled("cache", "stats").stdout.splitlines()
    assert lines[1].split() == ["all", "time", "10", "5", "5", "50.0%"]
    assert lines[2].split() == ["last", "(talk)", "5", "5", "0", "100.0%"]
    assert lines[5].split()[:3] == ["talk", "counting", "5"]
    assert lines[5].endswith("3 ok, 1 silent, 1 too_short")
    assert lines[-1].startswith("5 stored segments; ")


def test_stats_as_json(filled: Callable[..., Result]) -> None:
    document = json.loads(filled("cache", "stats", "--video", "talk", "--json").stdout)
    assert document["all_time"] == {"requested": 5, "hits": 0, "misses": 5, "hit_rate": 0.0}
    assert document["last_fill"]["video"] == "talk"
    assert "T" in document["last_fill"]["finished_at"]
    (holding,) = document["holdings"]
    assert holding["statuses"] == {"ok": 3, "silent": 1, "too_short": 1}
    assert 0 < holding["bytes"] < document["bytes_on_disk"]


def test_stats_of_nothing(pgvoice: Callable[..., Result]) -> None:
    assert "0 stored segments" in pgvoice("cache", "stats").stdout
    assert json.loads(pgvoice("cache", "stats", "--json").stdout)["last_fill"] is None
    assert pgvoice("cache", "stats", "--video", "talk").exit_code == 1


def test_prune(filled: Callable[..., Result]) -> None:
    planned = filled("cache", "prune", "--video", "talk", "--dry-run", "--json")
    assert json.loads(planned.stdout) == {"segments": 5, "dry_run": True}
    refused = filled("cache", "prune", "--video", "talk")
    assert refused.exit_code == 2
    assert "Delete 5 stored segments?" in refused.stderr
    assert filled("cache", "prune", "--video", "talk", "--yes").stdout == (
        "5 stored segments deleted\n"
    )
    assert filled("cache", "prune", "--video", "talk").exit_code == 0


def test_prune_by_encoder_and_age(filled: Callable[..., Result]) -> None:
    arguments = ("cache", "prune", "--encoder", "counting", "--dry-run")
    assert filled(*arguments).stdout == "5 stored segments would be deleted\n"
    assert filled(*arguments, "--older-than", "1").stdout == "0 stored segments would be deleted\n"
    assert filled("cache", "prune", "--encoder", "other", "--yes").exit_code == 1


def test_prune_asks_at_a_terminal(
    filled: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "somebody_answers", lambda: True)
    assert filled("cache", "prune", "--video", "talk", stdin="n\n").exit_code == 1
    assert filled("cache", "prune", "--video", "talk", stdin="y\n").stdout.startswith("5 stored")


def test_prune_needs_a_selection(pgvoice: Callable[..., Result]) -> None:
    result = pgvoice("cache", "prune", "--yes")
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
