"""Metrics of backfills, read by Prometheus's own parser."""

from __future__ import annotations

import socket
import urllib.request
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pgvoice.hooks.backfill import metrics
from pgvoice.hooks.errors import MetricsRefused
from pgvoice.store.upkeep.backfills import BackfillStatus

STATUS = BackfillStatus(
    'a "library"', 200, 50, 1, 149, 300, 7200.0, 60.0, 30.0, 10.0, 240.0, 120.0, None,
    datetime(2026, 3, 1, tzinfo=UTC),
)  # fmt: skip


def _samples(text: str) -> dict[tuple[str, str | None], float]:
    return {
        (sample.name.removeprefix("pgvoice_backfill_"), sample.labels.get("state")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("backfill") == STATUS.backfill
    }


EXPECTED = {
    ("recordings", "done"): 50,
    ("recordings", "failed"): 1,
    ("recordings", "waiting"): 149,
    ("vectors_total", None): 300,
    ("speech_seconds_total", None): 7200,
    ("work_seconds_total", None): 60,
    ("wall_seconds", None): 30,
    ("changed_timestamp_seconds", None): 1_772_323_200,
}


def test_text() -> None:
    text = metrics.exposition([STATUS])
    assert _samples(text) == EXPECTED
    kinds = {each.name: each.type for each in text_string_to_metric_families(text)}
    assert kinds["pgvoice_backfill_vectors"] == "counter"
    assert kinds["pgvoice_backfill_left_seconds"] == "gauge"
    assert all(each.documentation for each in text_string_to_metric_families(text))
    assert _samples(metrics.exposition([])) == {}


def test_served() -> None:
    with metrics.served("127.0.0.1", 0, lambda: [STATUS]) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        with (
            pytest.raises(MetricsRefused, match=f"127.0.0.1:{port}"),
            metrics.served("127.0.0.1", port, list),
        ):
            pass
    assert _samples(text) == EXPECTED
    names = {each.name for each in text_string_to_metric_families(text)}
    assert "process_resident_memory_bytes" in names
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
