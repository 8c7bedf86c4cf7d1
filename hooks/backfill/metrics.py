"""How far backfills are, for Prometheus: served while one runs, or as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pgvoice.hooks.errors import ExtraMissing, MetricsRefused
from pgvoice.hooks.extras import needs_extra
from pgvoice.store.upkeep.backfill_rows import BackfillStatus

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

Ask = Callable[[], Sequence[BackfillStatus]]
#: By the name of the metric: counter or gauge, what it says, and where that stands.
_OF_EACH: dict[str, tuple[bool, str, Callable[[BackfillStatus], float | None]]] = {
    "vectors": (True, "Vectors that were computed.", lambda each: each.filled),
    "speech_seconds": (True, "Speech that was filled.", lambda each: each.audio_seconds),
    "work_seconds": (True, "Time of all workers together.", lambda each: each.work_seconds),
    "wall_seconds": (False, "Time in which somebody filled.", lambda each: each.wall_seconds),
    "left_seconds": (False, "Until it ends, at the pace of late.", lambda each: each.seconds_left),
    "changed_timestamp_seconds": (
        False,
        "When a recording was last filled, failed or noted.",
        lambda each: each.changed_at.timestamp(),
    ),
}


def exposition(found: Sequence[BackfillStatus]) -> str:
    """In the text format, as the node exporter's textfile collector reads it.

    Raises `ExtraMissing`.
    """
    with needs_extra("metrics", ExtraMissing):
        from prometheus_client import generate_latest
    return generate_latest(_registry(lambda: found)).decode()


@contextmanager
def served(host: str, port: int, ask: Ask) -> Iterator[int]:
    """Serves what `ask` says, and this process's memory and time, on a port; gives that, also of 0.

    `ask` is called in another thread, whenever somebody scrapes. Raises `ExtraMissing`, and
    `MetricsRefused` where the port cannot be had.
    """
    with needs_extra("metrics", ExtraMissing):
        from prometheus_client import ProcessCollector, start_http_server
    registry = _registry(ask)
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise MetricsRefused(
            f"no metrics can be served at {host}:{port} ({error.strerror or error}): name another"
            " port"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _registry(ask: Ask) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

    class Backfills(Collector):
        def collect(self) -> Iterator[Metric]:
            return _metrics(ask())

    registry = CollectorRegistry()
    registry.register(Backfills())
    return registry


def _metrics(found: Sequence[BackfillStatus]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    recordings = GaugeMetricFamily(
        "pgvoice_backfill_recordings",
        "Recordings of a backfill, by what became of them.",
        labels=("backfill", "state"),
    )
    for each in found:
        for state, count in (
            ("done", each.done),
            ("failed", each.failed),
            ("waiting", each.waiting),
        ):
            recordings.add_metric((each.backfill, state), count)
    yield recordings
    for name, (counts, what, value_of) in _OF_EACH.items():
        family = CounterMetricFamily if counts else GaugeMetricFamily
        metric = family(f"pgvoice_backfill_{name}", what, labels=("backfill",))
        for each in found:
            value = value_of(each)
            if value is not None:
                metric.add_metric((each.backfill,), value)
        yield metric
