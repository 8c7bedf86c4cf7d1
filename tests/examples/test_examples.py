"""The examples run, and print what their docstrings promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pgvoice_testkit.documents.readme import blocks

HERE = Path(__file__).parent
HOOKS_README = HERE.parents[1] / "hooks" / "README.md"


def _run(script: str, *arguments: str, url: str = "") -> list[str]:
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PGVOICE_DATABASE_URL": url},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.usefixtures("speech")
def test_the_second_run_of_the_pipeline_computes_nothing(store_url: str) -> None:
    """281 phrases, and the clean parts of those that others overlap.

    In the first run the library is still growing, and its thresholds with it.
    """
    first, second, third = (_run("pipeline.py", url=store_url) for _ in range(3))
    assert first[-1].startswith("voice cache: 0 hits, 313 misses; ")
    for later in (second, third):
        assert later[-1].startswith(
            "voice cache: 313 hits, 0 misses; 0 model calls, 0 audio files decoded"
        )
    clusters = [
        [line for line in run if line.startswith("  cluster ")] for run in (first, second, third)
    ]
    assert clusters[1] == clusters[2]
    (split,) = [line for line in clusters[0] if "Ada" in line]
    assert re.fullmatch(r"  cluster SPEAKER_\d\d: \d+ Ada, \d+ unknown  <- split", split)
    assert set(re.findall(r"(\w+) \d+", first[-3])) == {"Ada", "Bob", "Cleo", "Dan"}
    assert first[-2].endswith(" of them split")
    assert second[-3:-1] == third[-3:-1]


def test_ten_lines_beside_whisperx_are_shown() -> None:
    program = (HERE / "beside_whisperx.py").read_text(encoding="utf-8")
    (shown,) = [each for each in blocks(HOOKS_README.read_text(), "python") if "result[" in each]
    own = [line for line in program.partition('"""\n')[2].splitlines() if line.strip()]
    assert len(own) <= 10
    assert [line for line in shown.splitlines() if line.strip()] == own[1:]


@pytest.mark.slow
@pytest.mark.usefixtures("speech")
def test_the_old_way_calls_the_model_for_every_segment() -> None:
    lines = _run("the_old_way.py", "2")
    assert lines[-1].startswith("18 segments: 18 audio loads, 18 model calls, ")
    assert len(lines) == 19
