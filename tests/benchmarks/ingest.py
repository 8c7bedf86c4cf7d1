"""Ingests beside single fills: ``python tests/benchmarks/ingest.py --help``.

Needs the recordings in ../shared/speech.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import psutil
import soundfile
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.library import ENCODER as SYNTHETIC
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.tables import Table, ratio, seconds
from pgvoice_benchmarks.timing import timed
from pgvoice_benchmarks.writing import write_library
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter
from pgvoice_testkit.servers.databases import temporary_store
from pgvoice_testkit.stores.filled import THRESHOLD

from pgvoice.hooks import fill, make_encoder
from pgvoice.hooks.ingest.engine import Engine, Here, Processes
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.on_ray import RayActors
from pgvoice.hooks.ingest.running import ingest
from pgvoice.store import SegmentKey, SegmentRow, VoiceStore

WINDOW = 3.0
#: The largest change of a vector by another order of summation, as with other thread counts.
ROUNDING = 1e-5
#: A recording and a segment of it.
Place = tuple[str, SegmentKey]
#: Segments per recording of the warm ingest.
FEW = 20
RAY = "ray"


@click.command()
@click.option(
    "--videos", type=click.IntRange(2), default=200, show_default=True, help="Recordings to fill."
)
@click.option(
    "--warm",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="Complete recordings of the warm ingest.",
)
@click.option("--ray", is_flag=True, help="Also run two workers on a Ray cluster on this machine.")
@click.option("--child", nargs=2, hidden=True)
def main(videos: int, warm: int, ray: bool, child: tuple[str, str] | None) -> None:
    """Fill recordings one by one and in an ingest, kill it, and run a warm one."""
    rows = list(_rows(videos))
    if child:
        _be_the_child(*child, rows)
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    options = f"--videos {videos} --warm {warm}" + (" --ray" if ray else "")
    console.print(f"`python tests/benchmarks/ingest.py {options}`")
    console.print(machine.describe(), highlight=False)
    with temporary_store() as store, _cluster(ray):
        columns = ("what", "seconds", "of fills, one core", "of fills, two cores")
        table = Table(f"{videos} recordings of one clip each, CAM++", columns)
        expected: dict[Place, SegmentRow] = {}
        taken = list[float]()
        for way in WAYS[: None if ray else -1]:
            _empty(store)
            taken.append(timed(partial(_wait, store, rows, way)).seconds)
            found = _stored_rows(store)
            expected = expected or found
            ratios = (ratio(taken[-1], each) for each in taken[:2])
            table.add(way.what + _beside(found, expected), seconds(taken[-1]), *ratios)
        last = RAY if ray else "2"
        worker = _kill_a_worker(store, videos, last)
        what = f"the last, a worker killed at {worker} segments"
        table.add(what + _beside(_stored_rows(store), expected), "-", "-", "-")
        what = f"the last, killed with its driver: {_killed(store, videos, last)}"
        table.add(what + _beside(_stored_rows(store), expected), "-", "-", "-")
        table.show(console, markdown=False)
    with temporary_store() as store:
        library = Library(warm * FEW, video_segments=FEW)
        write_library(store, library)
        given = [
            ManifestRow(each.key, None, tuple((s.start_s, s.end_s) for s in each.spans))
            for each in library.videos()
        ]
        alone = [replace(row, segments=None) for row in given]
        ingest(_warm(store), "warm", given)  # which stores their turns and labels
        for what, asked in (("with", given), ("without", alone)):
            again = timed(partial(ingest, _warm(store), "warm", asked))
            assert (again.result.complete, again.result.labelled) == (warm, 0), again.result
            console.print(f"{warm:,} complete recordings {what} segments: {again.seconds:.1f} s")


def _warm(store: VoiceStore) -> Here:
    return Here(store, _Synthetic, CountingSegmenter)


class _Synthetic(CountingEncoder):
    """Only its identity is used."""

    default_threshold = THRESHOLD

    def __init__(self) -> None:
        super().__init__()
        self.identity = SYNTHETIC


def _rows(number: int) -> Iterator[ManifestRow]:
    clips = sorted(SPEECH.glob("librispeech-test-other/*/*.flac"))
    if not clips:
        raise click.ClickException(f"no recordings at {SPEECH}")
    for place in range(number):
        clip = clips[place % len(clips)]
        length = soundfile.info(clip).duration
        starts = [step * WINDOW for step in range(max(1, int(length / WINDOW)))]
        spans = tuple((start, min(start + WINDOW, length)) for start in starts)
        yield ManifestRow(f"video {place}", str(clip), spans)


@contextmanager
def _cluster(wanted: bool) -> Iterator[None]:
    """A Ray cluster on this machine that child processes connect to."""
    if not wanted:
        yield
        return
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    os.environ["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
    yield
    ray.shutdown()


class Way(NamedTuple):
    """Child processes that fill, and the cores of each."""

    what: str
    children: tuple[tuple[str, set[int] | None], ...]


FILLS = "fills"
WAYS = (
    Way("fills one by one, on one core", ((f"{FILLS} 1/1", {0}),)),
    Way("on two cores, half of them each", ((f"{FILLS} 1/2", {0}), (f"{FILLS} 2/2", {1}))),
    Way("an ingest, one worker on one core", (("1", {0}),)),
    Way("an ingest, one worker on two cores", (("1", None),)),
    Way("an ingest, two workers", (("2", None),)),
    Way("an ingest, two workers of Ray", ((RAY, None),)),
)


def _wait(store: VoiceStore, rows: list[ManifestRow], way: Way) -> None:
    url = store.database.engine.url.render_as_string(hide_password=False)
    for child in [_child(url, len(rows), how, cores) for how, cores in way.children]:
        assert child.wait() == 0, way.what


def _be_the_child(url: str, how: str, rows: list[ManifestRow]) -> None:
    with VoiceStore.open(url) as store:
        if how.startswith(FILLS):
            part, parts = map(int, how.removeprefix(FILLS).split("/"))
            _one_by_one(store, rows[part - 1 :: parts])
        else:
            with _engine(store, how) as engine:
                ingest(engine, "child", rows)


def _one_by_one(store: VoiceStore, rows: list[ManifestRow]) -> None:
    encoder = make_encoder("campplus")
    for row in rows:
        fill(store, encoder, video=row.video, audio=row.audio, segments=row.turns() or ())


def _engine(store: VoiceStore, workers: str) -> Engine:
    make = partial(make_encoder, "campplus")
    if workers == RAY:
        return RayActors(store, make, "auto", 2)
    return Here(store, make) if workers == "1" else Processes(store, make, int(workers))


def _child(url: str, videos: int, how: str, cores: set[int] | None) -> subprocess.Popen[bytes]:
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if cores else {})
    return subprocess.Popen(
        [sys.executable, __file__, "--videos", str(videos), "--child", url, how],
        env=environment,
        preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
        start_new_session=True,
    )


def _kill_a_worker(store: VoiceStore, videos: int, workers: str) -> int:
    """Kill one worker halfway; returns the number of segments stored by then."""
    _empty(store)
    url = store.database.engine.url.render_as_string(hide_password=False)
    child = _child(url, videos, workers, None)
    while (stored := _stored(store)) < videos:
        time.sleep(0.05)
    name = "ray::_Actor" if workers == RAY else "spawn_main"
    running = (each for each in psutil.process_iter() if name in " ".join(each.cmdline()))
    next(running).kill()
    assert child.wait() == 0
    return stored


def _killed(store: VoiceStore, videos: int, workers: str) -> int:
    """Kill the driver and its workers and start it again until it finishes; returns the kills."""
    _empty(store)
    url, kills = store.database.engine.url.render_as_string(hide_password=False), 0
    while True:
        child = _child(url, videos, workers, None)
        before = _stored(store)
        while child.poll() is None and _stored(store) < before + videos:
            time.sleep(0.05)
        if child.poll() is not None:
            return kills
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        kills += 1


def _stored(store: VoiceStore) -> int:
    return sum(each.segments for each in store.recordings.statistics().holdings)


def _empty(store: VoiceStore) -> None:
    for each in {holding.video for holding in store.recordings.statistics().holdings}:
        store.privacy.erase_video(each)
        store.privacy.allow_video(each)


def _stored_rows(store: VoiceStore) -> dict[Place, SegmentRow]:
    encoder = make_encoder("campplus").identity
    found: dict[Place, SegmentRow] = {}
    for video in {holding.video for holding in store.recordings.statistics().holdings}:
        answers = store.answers.identify(video)
        keys = [SegmentKey(round(a.start * 1000), round(a.end * 1000)) for a in answers]
        rows = store.recordings.read(video, encoder, keys)
        found |= {(video, key): row for key, row in rows.items()}
    return found


def _beside(found: Mapping[Place, SegmentRow], expected: Mapping[Place, SegmentRow]) -> str:
    """The difference from the rows of single fills; empty if there is none."""
    if {at: row.status for at, row in found.items()} != {
        at: row.status for at, row in expected.items()
    }:
        return ", OTHER ROWS"
    apart = max(_apart(row, expected[at]) for at, row in found.items())
    return "" if apart <= ROUNDING else f", VECTORS {apart:.1e} APART"


def _apart(row: SegmentRow, other: SegmentRow) -> float:
    if row.embedding is None or other.embedding is None:
        return 0.0
    return float(np.abs(row.embedding - other.embedding).max())


if __name__ == "__main__":
    main()
