"""What the benchmarks of encoders say of this machine, compare and judge; no time is judged."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pgvoice_benchmarks import machine, material, processors
from pgvoice_benchmarks.encoding import exported, products
from pgvoice_benchmarks.encoding.comparison import FLOOR, comparison, judge, rates
from pgvoice_benchmarks.encoding.exported import ONNX
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.preloaded import ONE_BY_ONE
from pgvoice_benchmarks.encoding.products import CpuProduct, Product, Rate
from pgvoice_benchmarks.encoding.subject import PGVOICE, Subject, cut
from pgvoice_benchmarks.encoding.tried import TRIED
from pgvoice_benchmarks.timing import Timed, ignore, in_turns, processor_time, timed

ENCODERS = Path(__file__).parents[1] / "benchmarks" / "encoders.py"
INTEL = """\
processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 207
model name	: Intel(R) Xeon(R) Processor
stepping	: 2
flags		: fpu avx2 avx512f avx512_bf16

processor	: 1
model		: 1
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast products are does not matter here."""
    monkeypatch.setattr(products, "STRETCH_SECONDS", 0.0)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    samples, spans = material.speech(12), material.spans(12, 4)
    return Subject("campplus", tmp_path_factory.mktemp("weights"), cut(samples, spans, 100))


def test_a_processor_without_a_name_is_told_by_its_numbers() -> None:
    assert processors.described(processors.read(INTEL)) == (
        "Intel(R) Xeon(R) Processor (Emerald Rapids; family 6, model 207, stepping 2;"
        " AVX2, AVX-512, AVX-512 BF16)"
    )


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"vendor_id": "AuthenticAMD", "cpu family": "25", "model": "17"}, "Zen 4"),
        ({"vendor_id": "AuthenticAMD", "cpu family": "25", "model": "1"}, "Zen 3"),
        ({"vendor_id": "AuthenticAMD", "cpu family": "26", "model": "255"}, ""),
        ({"vendor_id": "GenuineIntel", "cpu family": "6", "model": "85"}, "Skylake"),
        ({"vendor_id": "GenuineIntel", "cpu family": "15", "model": "207"}, ""),
        ({"Features": "fp asimd sve bf16"}, ""),
    ],
)
def test_microarchitectures(facts: dict[str, str], what: str) -> None:
    assert processors.microarchitecture(facts).partition(",")[0] == what


def test_a_processor_of_which_linux_says_little() -> None:
    assert processors.described({}) == ""
    assert processors.described({"Features": "fp asimd sve"}) == "(NEON, SVE)"
    assert processors.described({"model name": "A processor"}) == "A processor"


def test_the_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    described = machine.describe()
    assert described.startswith(processors.processor())
    assert f"oneDNN {torch.__config__.show().partition('MKL-DNN v')[2].split()[0]}" in described
    assert described.endswith("ONEDNN_MAX_CPU_ISA=AVX2")


def test_a_system_that_is_missing_is_not_measured() -> None:
    found = machine.versions("numpy", "no-such-system")
    assert found == f"numpy {np.__version__}; no-such-system not installed, not measured"


def test_every_library_multiplies_the_same() -> None:
    made = CpuProduct(Product(5, 3))
    found = {name: _matrix(multiply()) for name, multiply in made.multiply.items()}
    assert {"torch", "torch's oneDNN", "numpy", "ONNX Runtime"} <= set(found)
    for product in found.values():
        np.testing.assert_allclose(product, found["torch"], rtol=1e-5)


def _matrix(found: Any) -> Any:
    """``(rows, outputs)`` of what a library returns."""
    if isinstance(found, torch.Tensor):
        found = found.numpy()
        return found[0, :, :, 0].T if found.ndim == 4 else found
    return found if isinstance(found, np.ndarray) else np.asarray(found[0])


def test_all_ways_give_the_same_vectors(subject: Subject, tmp_path: Path) -> None:
    subject.floor.measure()
    tried = {TRIED[each][0]: TRIED[each][1](subject) for each in ("channels-last", "bf16")}
    others = exported.runs("campplus", tmp_path, subject.waveforms)
    ways = in_turns("test", {**subject.ways(), **others, **tried}, turns=1)
    assert {ONE_BY_ONE, ONNX, PGVOICE} < set(ways)
    table = comparison(subject, ways)
    cosines = {row[0]: row[-1] for row in table.rows}
    for name in (ONNX, PGVOICE, TRIED["channels-last"][0], *others):
        assert float(cosines[name]) > 0.99999
    assert 0.99 < float(cosines[TRIED["bf16"][0]]) < 0.99999
    assert table.rows[-1][0].startswith(FLOOR)
    assert table.rows[-1][-1] == "-"
    assert rates(subject).startswith("fastest products")


@pytest.mark.parametrize(
    ("seconds", "wrong"),
    [
        ({PGVOICE: 5.0, ONE_BY_ONE: 8.0, ONNX: 10.0}, []),
        ({PGVOICE: 5.0, ONE_BY_ONE: 8.0, ONNX: 9.0}, [ONNX]),
    ],
)
def test_what_is_required_of_campplus(
    subject: Subject, seconds: Mapping[str, float], wrong: list[str]
) -> None:
    _judged(subject, seconds, wrong)


@pytest.mark.parametrize(
    ("seconds", "wrong"),
    [
        ({PGVOICE: 5.0, ONE_BY_ONE: 7.0, ONNX: 5.0}, []),
        ({PGVOICE: 5.1, ONE_BY_ONE: 6.0, ONNX: 5.0}, [ONE_BY_ONE, FLOOR]),
    ],
)
def test_what_is_required_of_ecapa(
    subject: Subject,
    seconds: Mapping[str, float],
    wrong: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "name", "ecapa")
    _judged(subject, seconds, wrong)


def _judged(subject: Subject, seconds: Mapping[str, float], wrong: list[str]) -> None:
    """The times that are too long, if the floor is 4 seconds."""
    rate = Rate(Product(2, 2), "torch", subject.floor.total / 4)
    rows = np.eye(3, dtype=np.float32)
    findings = Findings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject.floor, "_rates", [rate])
        judge(subject, {name: Timed(taken, rows) for name, taken in seconds.items()}, findings)
    assert [
        line.partition(": ")[0].rpartition("divided by ")[2] for line in findings.wrong
    ] == wrong


def test_other_vectors_are_wrong(subject: Subject) -> None:
    rows = np.eye(3, dtype=np.float32)
    subject.floor.measure()
    ways = {name: Timed(1e9, rows) for name in (ONE_BY_ONE, ONNX)}
    findings = Findings()
    judge(subject, {**ways, PGVOICE: Timed(1e-9, rows[::-1])}, findings)
    assert len(findings.wrong) == 1
    assert "worst cosine" in findings.wrong[0]


def test_seconds_of_processors_leave_out_waiting() -> None:
    with processor_time():
        waiting = timed(lambda: time.sleep(0.2)).seconds
    assert waiting < 0.1
    assert timed(lambda: ignore(0, 0)).seconds >= 0


@pytest.mark.slow
def test_the_command_measures_and_judges() -> None:
    options = "--segments 2 --turns 1 --processor --also padded --also compile --markdown"
    done = subprocess.run(
        [sys.executable, str(ENCODERS), *options.split()],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PGVOICE_PLUGINS": "", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode in (0, 1), done.stderr
    assert f"encoders.py {options}" in done.stdout
    assert done.stdout.count("| one by one, torch.compile |") == 2
    assert "of 5 values are right" in done.stdout
