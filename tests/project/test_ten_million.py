"""The steps of ``tests/benchmarks/ten_million.py``, on a few segments; no time is judged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pgvoice_benchmarks.large import asking, inserting, truth
from pgvoice_benchmarks.large.figures import Figures
from pgvoice_benchmarks.large.truth import Truth
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.timing import ignore
from pgvoice_testkit.servers.databases import temporary_folder

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "ten_million.py"


def test_the_truth_is_that_of_all_vectors_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "PART", 2)
    library, figures = Library(1000, 4, video_segments=90), Figures(tmp_path)
    found = truth.find(library, 7, figures, ignore)
    found.save(tmp_path)
    vectors = library.vectors()
    similarities = vectors[found.queries] @ vectors.T
    similarities[np.arange(7), found.queries] = -2
    nearest = np.argsort(-similarities, axis=1)[:, : truth.NEAREST]
    assert np.array_equal(np.sort(Truth.load(tmp_path).nearest), np.sort(nearest))

    recalls = [figure.value for figure in figures.steps()[truth.TRUTH].values()]
    sizes = [size for size in truth.CANDIDATES if size < 1000]
    assert len(recalls) == 2 * len(sizes)
    differ = np.bitwise_count(truth.signs(vectors[found.queries])[:, None] ^ truth.signs(vectors))
    first = np.argsort(differ.sum(2, dtype=int), axis=1, kind="stable")[:, 1 : sizes[-1] + 1]
    share = np.mean([np.isin(near, few).mean() for near, few in zip(nearest, first, strict=True)])
    assert recalls[len(sizes) - 1] == pytest.approx(share, abs=0.01)


def test_figures_stay_and_are_replaced(tmp_path: Path) -> None:
    Figures(tmp_path).keep("step", "what", 1.5)
    Figures(tmp_path).keep("other", "size", 7, "bytes")
    Figures(tmp_path).keep("step", "what", 2.5)
    kept = Figures(tmp_path)
    assert list(kept.steps()) == ["step", "other"]
    assert kept.value("step", "what") == 2.5
    assert kept.value("step", "else") == 0


@pytest.mark.slow
def test_an_interrupted_run_goes_on_and_ends_with_its_tables() -> None:
    with temporary_folder() as folder:
        _run(folder, 1500, "--step", "insert")
        written = Figures(folder).value(inserting.INSERT, inserting.WRITING)
        shown = _run(folder, 3000)
        figures = Figures(folder)
        assert figures.value(inserting.INSERT, inserting.WRITING) > written > 0
        assert figures.value(inserting.INSERT, asking.SIZE) > 3000 * 768
        searches = {step: found for step, found in figures.steps().items() if "search" in step}
        assert len(searches) == 2 + 4 + 3
        assert searches["search all, exact"]["recall"].value == 1
        assert searches["search by halfvec, as pgvoice does"]["recall"].value > 0.95
        assert all(f"| {step.split('by ')[-1]} | " in shown for step in searches if "by" in step)
        again = _run(folder, 3000, "--step", "report")
    assert again.splitlines()[2:] == shown.splitlines()[2:]
    assert again.splitlines()[2] == "**3,000 segments**"


def _run(folder: Path, segments: int, *steps: str) -> str:
    options: Sequence[str] = ("--folder", str(folder), "--segments", str(segments), *steps)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options, "--profiles", "4", "--queries", "3"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PGVOICE_PLUGINS": "", "OMP_NUM_THREADS": "1"},
    )
    return done.stdout
