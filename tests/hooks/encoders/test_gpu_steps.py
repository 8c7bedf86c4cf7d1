"""The steps of ``tests/benchmarks/gpu.py`` on a CPU, on a few short waveforms."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pgvoice_benchmarks import material
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.models import MODELS
from pgvoice_benchmarks.encoding.preloaded import ONE_BY_ONE
from pgvoice_benchmarks.encoding.subject import PGVOICE, Subject, cut
from pgvoice_benchmarks.gpu import bundle
from pgvoice_benchmarks.gpu.bundle import pack
from pgvoice_benchmarks.gpu.cards import describe_device, network_of
from pgvoice_benchmarks.gpu.decoding_ahead import measure_ahead, write_flac
from pgvoice_benchmarks.gpu.parity import CHANGES, judge_neighbours, judge_parity
from pgvoice_benchmarks.gpu.shortage import judge_shortage
from pgvoice_benchmarks.gpu.speed import ORIGINAL, aims, measure_speed, measure_tapes, profiled

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform

SECONDS, SEGMENTS = 7.0, 6
GPU = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
#: What a machine is sent at most, and what of it are wheels.
MOST_BYTES, WHEELS = bundle.MOST_MIB * 2**20, 15_000_000


@pytest.fixture(scope="module")
def spans() -> list[material.Span]:
    return material.spans(SECONDS, SEGMENTS)


@pytest.fixture(scope="module")
def samples() -> Waveform:
    return material.speech(SECONDS)


@pytest.fixture(scope="module", params=list(MODELS))
def subject(
    request: pytest.FixtureRequest,
    samples: Waveform,
    spans: list[material.Span],
    tmp_path_factory: pytest.TempPathFactory,
) -> Subject:
    return Subject(request.param, tmp_path_factory.mktemp("weights"), cut(samples, spans, 100))


class Disturbed:
    """An encoder whose vectors differ from the CPU's, and depend on the waveforms beside them."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        rows: Embeddings = self._encoder.encode(waveforms)
        loudest = max(float(np.abs(waveform).max()) for waveform in waveforms)
        return rows + np.float32(0.1 + 0.01 * min(loudest, 1.0))


def test_the_vectors_are_those_of_the_cpu(subject: Subject) -> None:
    findings = Findings()
    judge_parity(subject, findings)
    assert not findings.wrong
    assert [row[0] for row in findings.tables[0].rows][-2:] == ["TF32", "bfloat16"]
    assert network_of(subject.encoder).precision == "ieee"


def test_other_vectors_are_noticed(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "encoder", Disturbed(subject.encoder))
    parity, neighbours = Findings(), Findings()
    judge_parity(subject, parity)
    judge_neighbours(subject, neighbours)
    assert not parity.right
    assert any("silent neighbours" in line for line in neighbours.wrong)


def test_neighbours_change_nothing(subject: Subject) -> None:
    findings = Findings()
    judge_neighbours(subject, findings)
    assert not findings.wrong
    assert len(findings.right) == 3 + len(CHANGES)


def test_a_pass_without_memory_is_halved(subject: Subject) -> None:
    findings = Findings()
    judge_shortage(subject, findings)
    assert not findings.wrong
    found = {row[0]: row[1] for row in findings.tables[0].rows}
    assert len(found["frames of the passes that fitted"].split(", ")) > 1


def test_enough_memory_is_noticed(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgvoice_benchmarks.gpu.shortage.LEFT", 1.0)
    findings = Findings()
    judge_shortage(subject, findings)
    assert len(findings.wrong) == 1
    assert "fitted at once" in findings.wrong[0]


def test_decoding_ahead_gives_the_same_vectors(
    subject: Subject, samples: Waveform, spans: list[material.Span], tmp_path: Path
) -> None:
    findings = Findings()
    measure_ahead(subject, write_flac(tmp_path, samples), spans, findings)
    assert not findings.wrong
    assert all(int(row[-1]) > 1 for row in findings.tables[0].rows)


@pytest.mark.slow
def test_all_ways_have_a_speed(
    subject: Subject, samples: Waveform, spans: list[material.Span], tmp_path: Path
) -> None:
    findings = Findings()
    measure_speed(subject, write_flac(tmp_path, samples), spans, findings)
    measure_tapes(subject, findings, [100, 1000])
    ways, tapes = findings.tables
    assert "times the original way" in findings.notes[0]
    assert {ORIGINAL, ONE_BY_ONE, PGVOICE} < {row[0] for row in ways.rows}
    assert all(float(row[1].replace(",", "")) > 0 for row in ways.rows)
    assert [row[0] for row in tapes.rows] == ["100", "1,000"]


def test_the_aims_are_said_to_be_reached_or_not() -> None:
    assert aims("ecapa", 91, 0.63) == (
        "ecapa, the aims on a card: 91 times the original way, of 100: not reached; 63% of the"
        " device's rate, of 40%: reached"
    )


def test_a_profile_names_operators(subject: Subject) -> None:
    assert "aten::addmm" in profiled(subject)


def test_a_card_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    class Card:
        name, total_memory, multi_processor_count = "A card", 2**34, 12

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: Card)
    assert describe_device("cuda:0").startswith("A card, 16 GiB, 12 multiprocessors")


def test_what_is_packed_is_small_and_runs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded: list[str] = []
    monkeypatch.setattr(
        bundle, "_download_wheels", lambda _folder, python: downloaded.append(python)
    )
    folder = tmp_path / "bundle"
    script = pack(folder, "3.12")
    assert downloaded == ["3.12"]
    assert script.read_text().startswith("#!/bin/sh")
    packed = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in packed) < MOST_BYTES - WHEELS
    paths = os.pathsep.join(map(str, (folder / "packages", folder / "checkout" / ".src")))
    code = (
        "import pgvoice.hooks; from importlib.metadata import version\n"
        "print(version('pgvoice'), pgvoice.hooks.__file__)\n"
        "from pgvoice.hooks.encoders.campplus.campplus import PACKAGE, WEIGHTS_FILE\n"
        "from pgvoice.hooks.encoders.weights import packaged_file\n"
        "print(packaged_file(PACKAGE, WEIGHTS_FILE, 'campplus'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count(str(folder)) == 2


@pytest.mark.slow
def test_the_command_checks_and_exits(tmp_path: Path) -> None:
    options = "--device cpu --segments 3 --minutes 0.1 --lengths 3 --longest 1 --markdown"
    command = [sys.executable, str(GPU), *options.split(), "--step", "parity", "--step", "profile"]
    done = subprocess.run(
        [*command, "--profiles", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PGVOICE_PLUGINS": "", "OMP_NUM_THREADS": "1"},
    )
    assert f"gpu.py {options}" in done.stdout
    assert "16 of 16 values are right" in done.stdout
    assert {path.stem for path in tmp_path.iterdir()} == set(MODELS)
