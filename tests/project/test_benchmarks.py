"""The pieces that the benchmarks are made of, on a few seconds of sound; no time is judged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pgvoice_benchmarks import library, long_files, material, original
from pgvoice_benchmarks.encoding import models, preloaded
from pgvoice_benchmarks.encoding.floor import Floor, count
from pgvoice_benchmarks.encoding.products import Product
from pgvoice_benchmarks.encoding.subject import PGVOICE, Subject, cut
from pgvoice_benchmarks.fills import EVERY, FillRuns
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.memory import peak_bytes
from pgvoice_benchmarks.searching.arrays import Arrays, spoken_by, two_nearest
from pgvoice_benchmarks.searching.stores import Pgvoice
from pgvoice_benchmarks.searching.task import (
    BUILD,
    CANDIDATES,
    EXACT,
    INDEXED,
    LINKS,
    RECALL,
    WHAT,
    Task,
)
from pgvoice_benchmarks.tables import Table
from pgvoice_benchmarks.timing import LONG, TURNS, Run, Timed, ignore, in_turns
from pgvoice_testkit.audio import hearing

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.store import VoiceStore

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SECONDS, SEGMENTS = 24.0, 12


@pytest.fixture(scope="module", autouse=True)
def _calm_lazy_modules() -> Iterator[None]:
    """Hypothesis asks every module for its file; SpeechBrain's lazy ones would import to answer."""
    yield
    for name, module in list(sys.modules.items()):
        if name.startswith("speechbrain."):
            vars(module).setdefault("__file__", None)


@pytest.fixture(scope="module")
def samples() -> Waveform:
    return material.speech(SECONDS)


@pytest.fixture(scope="module")
def spans() -> list[material.Span]:
    return material.spans(SECONDS, SEGMENTS)


@pytest.fixture(scope="module")
def subject(
    samples: Waveform, spans: list[material.Span], tmp_path_factory: pytest.TempPathFactory
) -> Subject:
    made = Subject("campplus", tmp_path_factory.mktemp("weights"), cut(samples, spans, 100))
    made.warm_up()
    return made


def test_spans_are_seeded_and_apart(spans: list[material.Span]) -> None:
    assert spans == material.spans(SECONDS, SEGMENTS)
    times = [time for span in spans for time in span]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= SECONDS
    with pytest.raises(ValueError, match="do not fit"):
        material.spans(SECONDS, 100)


@pytest.mark.parametrize("name", material.FORMATS)
def test_a_file_holds_the_samples_in_two_channels(
    name: str, samples: Waveform, tmp_path: Path
) -> None:
    info = hearing.probe(material.write(tmp_path, name, samples))
    assert (info.sample_rate, info.channels) == (44_100, 2)
    assert abs(info.duration_ms - SECONDS * 1000) < 100


@pytest.mark.parametrize("name", material.FORMATS)
def test_a_long_file_is_as_long_as_asked(name: str, tmp_path: Path) -> None:
    seconds = long_files.PIECE + 5
    path = long_files.write(tmp_path, name, seconds)
    assert hearing.probe(path).duration_ms >= seconds * 1000
    ((_, heard),) = hearing.cut(path, [(seconds * 1000 - 3000, seconds * 1000 - 1000)], 16_000)
    assert len(heard) == 32_000


def test_the_original_way_gives_the_vectors_of_one_by_one(
    subject: Subject, samples: Waveform, tmp_path: Path
) -> None:
    path = material.write(tmp_path, "wav", samples)
    whole = [(float(second), second + 2.0) for second in range(3)]
    assert original.readable(path)
    rows = original.embed(subject.plain, path, whole, ignore)
    expected = preloaded.one_by_one(subject.plain, cut(samples, whole, 100), ignore)
    assert preloaded.worst_cosine(rows, expected) > 0.98


def test_padding_changes_vectors_and_pgvoice_does_not(subject: Subject) -> None:
    alone = preloaded.one_by_one(subject.plain, subject.waveforms, ignore)
    padded = preloaded.padded(subject.plain, subject.waveforms, ignore)
    assert preloaded.worst_cosine(padded, alone) < 0.99
    assert preloaded.worst_cosine(subject.encoder.encode(subject.waveforms), alone) > 0.9999


def test_ecapa_is_the_same_model_in_both_forms(samples: Waveform, tmp_path: Path) -> None:
    made = Subject("ecapa", tmp_path, [samples[:16_000], samples[16_000:40_000]])
    alone = preloaded.one_by_one(made.plain, made.waveforms, ignore)
    assert preloaded.worst_cosine(made.encoder.encode(made.waveforms), alone) > 0.9999
    lengths = preloaded.padded(made.plain, made.waveforms, ignore, lengths=True)
    assert preloaded.worst_cosine(lengths, alone) < 0.9999
    assert set(made.ways()) > {preloaded.ONE_BY_ONE, PGVOICE}


def test_multiply_adds_are_those_of_the_topology() -> None:
    plain = models.PlainEcapa()
    one, two = (count(plain, [size]) for size in (16_000, 32_000))
    more = {product: two[product] - one[product] for product in two}
    frames = 100
    assert more[Product(1024, 1024)] == 6 * 1024 * 1024 * frames
    assert more[Product(3072, 128)] == 3072 * 128 * frames
    assert more[Product(6144, 128)] == 0
    assert count(plain, [16_000, 32_000]) == one + two


def test_the_floor_is_a_time() -> None:
    floor = Floor({Product(64, 64): 10**9, Product(3, 3): 10})
    floor.measure()
    assert floor.total == 10**9 + 10
    assert floor.best.product == (64, 64)
    assert 0 < floor.seconds == floor.total / floor.best.per_second
    assert floor.best.library in {rate.library for rate in floor.tried}
    before = floor.seconds
    floor.measure()
    assert floor.seconds <= before


def test_fills_are_cold_partial_and_warm(
    store: VoiceStore,
    subject: Subject,
    samples: Waveform,
    spans: list[material.Span],
    tmp_path: Path,
) -> None:
    path = material.write(tmp_path, "flac", samples)
    runs = FillRuns(store, subject.encoder, subject.source, path, spans)
    for _ in range(2):
        assert runs.cold(ignore).result.missing == SEGMENTS
    assert runs.some_missing(ignore).result.missing == SEGMENTS // EVERY
    assert runs.warm(ignore).result.missing == 0
    assert runs.process(ignore).seconds > 0


def test_the_best_of_several_turns_counts_unless_they_are_long() -> None:
    runs = {"short": _taking(3.0, 1.0, 2.0), "long": _taking(LONG)}
    assert TURNS == 3
    assert in_turns("test", runs) == {"short": (1.0, None), "long": (LONG, None)}


def _taking(*seconds: float) -> Run[None]:
    """A run that says it took so long, then so long, and cannot be run again."""
    left = iter(seconds)
    return lambda _progress: Timed(next(left), None)


def test_a_table_for_a_page() -> None:
    table = Table("times", ("what", "seconds"))
    table.add("fill", "1.00")
    assert list(table.markdown())[2:5] == [
        "| what | seconds |",
        "| --- | ---: |",
        "| fill | 1.00 |",
    ]


def test_a_library_is_the_same_in_any_order_and_as_alike_as_speech() -> None:
    made = Library(1000, profiles=40)
    assert made.segments == len(made.vectors()) == sum(len(video.spans) for video in made.videos())
    again = Library(1000, profiles=40).video(2)
    assert again.spans == made.video(2).spans
    assert np.array_equal(again.vectors, made.vectors()[600:900])
    whole = np.full(made.people, max(library.SAME_BY_SECONDS))
    rng, people = np.random.default_rng(1), np.arange(made.people)
    similarities = made.spoken(rng, people, whole) @ made.spoken(rng, people, whole).T
    same = np.eye(len(whole), dtype=bool)
    assert similarities[same].mean() == pytest.approx(0.79, abs=0.05)
    assert similarities[~same].mean() == pytest.approx(0.10, abs=0.02)
    assert similarities[~same].std() == pytest.approx(0.10, abs=0.03)


def test_the_nearest_are_found_by_whoever_is_asked(store: VoiceStore) -> None:
    task = Task(Library(700, profiles=4), 3)
    pgvoice = dict(Pgvoice(store).figures(task))
    assert {EXACT, BUILD, INDEXED} < set(pgvoice) < set(WHAT)
    assert pgvoice[RECALL].value == 1
    (index,) = store.index.status()
    assert (index.m, index.ef_construction) == (LINKS, CANDIDATES)
    assert set(dict(Arrays().figures(task))) < set(WHAT)
    answers = store.answers.identify(task.library.video(task.video).key)
    who, similarity = two_nearest(task.video_vectors, task.all_profiles)
    assert [answer.nearest for answer in answers] == [library.name(person) for person in who[:, 0]]
    assert [answer.similarity for answer in answers] == pytest.approx(similarity[:, 0], abs=1e-6)
    spoken = spoken_by(task.vectors, task.all_profiles, task.newcomer)
    assert len(store.answers.appearances(library.name(task.newcomer))) == len(spoken)


def test_memory_is_counted_in_bytes() -> None:
    assert peak_bytes() >= np.ones(1 << 24, np.uint8).nbytes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("fill.py", "--encoder campplus --formats wav --segments 2 --minutes 0.1 --markdown"),
        ("memory.py", "--hours 0.02 --segments 12 --format mp3"),
        ("search.py", "--sizes 700 --profiles 4 --queries 3 --markdown"),
        ("growth.py", "--sizes 700 --profiles 4 --partitions 2"),
        ("index_tail.py", "--segments 1200 --profiles 4 --queries 3 --tails 0,600"),
    ],
)
def test_the_command_runs(script: str, options: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *options.split()],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PGVOICE_PLUGINS": "", "OMP_NUM_THREADS": "1"},
    )
    assert f"{script} {options}" in done.stdout
    assert "vectors" in done.stdout
