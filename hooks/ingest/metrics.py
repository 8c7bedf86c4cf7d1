"""The progress of ingests for Prometheus: served while one runs, or as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pgvoice.hooks.errors import ExtraMissing, MetricsRefused, needs_extra
from pgvoice.store.upkeep.ingests import IngestStatus

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

Ask = Callable[[], Sequence[IngestStatus]]
_COUNTERS = {"vectors", "speech_seconds", "work_seconds"}
_STATES: dict[str, Callable[[IngestStatus], int]] = {
    "done": lambda each: each.done,
    "filled": lambda each: each.unlabelled,
    "failed": lambda each: each.failed,
    "waiting": lambda each: each.waiting,
}
#: By the name of the metric: its help text, and its value.
_OF_EACH: dict[str, tuple[str, Callable[[IngestStatus], float | None]]] = {
    "vectors": ("Vectors computed.", lambda each: each.filled),
    "speech_seconds": ("Speech filled.", lambda each: each.audio_seconds),
    "work_seconds": ("Working time of all workers together.", lambda each: each.work_seconds),
    "wall_seconds": ("Time in which at least one worker was busy.", lambda each: each.wall_seconds),
    "invalid": (
        "Recordings done but for segments that are not spans of time.",
        lambda each: each.invalid,
    ),
    "left_seconds": ("Time until the end, at the recent pace.", lambda each: each.seconds_left),
    "changed_timestamp_seconds": (
        "When a recording was last filled, failed or added.",
        lambda each: each.changed_at.timestamp(),
    ),
}


def exposition(found: Sequence[IngestStatus]) -> str:
    """The metrics in the text format of the node exporter's textfile collector.

    Raises `ExtraMissing`.
    """
    with needs_extra("metrics", ExtraMissing):
        from prometheus_client import generate_latest
    return generate_latest(_registry(lambda: found)).decode()


@contextmanager
def served(host: str, port: int, ask: Ask) -> Iterator[int]:
    """Serve the metrics of `ask`, and this process's memory and CPU time; yields the port.

    Port 0 chooses a free one. `ask` is called in another thread at each scrape. Raises
    `ExtraMissing`, and `MetricsRefused` if the port is not available.
    """
    with needs_extra("metrics", ExtraMissing):
        from prometheus_client import ProcessCollector, start_http_server
    registry = _registry(ask)
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise MetricsRefused(
            f"metrics cannot be served at {host}:{port} ({error.strerror or error}): choose another"
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

    class Ingests(Collector):
        def collect(self) -> Iterator[Metric]:
            return _metrics(ask())

    registry = CollectorRegistry()
    registry.register(Ingests())
    return registry


def _metrics(found: Sequence[IngestStatus]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    recordings = GaugeMetricFamily(
        "pgvoice_ingest_recordings",
        "Recordings of an ingest by state.",
        labels=("ingest", "state"),
    )
    for each in found:
        for state, count in _STATES.items():
            recordings.add_metric((each.ingest, state), count(each))
    yield recordings
    for name, (what, value_of) in _OF_EACH.items():
        family = CounterMetricFamily if name in _COUNTERS else GaugeMetricFamily
        metric = family(f"pgvoice_ingest_{name}", what, labels=("ingest",))
        for each in found:
            value = value_of(each)
            if value is not None:
                metric.add_metric((each.ingest,), value)
        yield metric
