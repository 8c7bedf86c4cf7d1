"""``pgvoice enroll import`` and ``export``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.audio.sounds import voice, write

pytestmark = pytest.mark.usefixtures("encoder")


def test_export_and_import_again(filled: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    exported = filled("enroll", "export", "--all", file)
    assert exported.stdout == f"2 people with 2 exemplars written to {file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert filled("enroll", "remove", "Bob", "--yes").exit_code == 0
    imported = filled("enroll", "import", file)
    assert imported.stdout.splitlines() == [
        "Ada: 0 exemplars added, 1 already enrolled; 1 in total, cohesion 1.000",
        "Bob: 1 exemplar added; 1 in total, cohesion 1.000",
    ]
    again = json.loads(filled("enroll", "import", file, "--json").stdout)
    assert [one["enrollment"]["added"] for one in again] == [0, 0]


def test_export_of_some(filled: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "ada.json"
    assert filled("enroll", "export", "Ada", file).stdout.startswith("1 person with 1 exemplar")
    there = filled("enroll", "export", "Bob", file)
    assert there.exit_code == 1
    assert "choose another name" in there.stderr
    assert filled("enroll", "export", "Eve", tmp_path / "eve.json").exit_code == 1
    assert not (tmp_path / "eve.json").exists()


@pytest.mark.parametrize("arguments", [("people.json",), ("Ada", "people.json", "--all")])
def test_whom_to_export(filled: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    result = filled("enroll", "export", *arguments)
    assert result.exit_code == 2
    assert "names before the FILE, or --all" in result.stderr


def test_import_tells_what_is_not_applied(filled: Callable[..., Result], tmp_path: Path) -> None:
    write(tmp_path / "eve.wav", voice(900, 4))
    sources = tmp_path / "sources.json"
    sources.write_text(json.dumps({"eve": {"name": "Eve", "urls": ["eve.wav"], "threshold": 0.6}}))
    assert filled("enroll", "import", sources).stdout.splitlines() == [
        "Eve: 2 exemplars added; 2 in total, cohesion 1.000",
        "  its threshold 0.6 is not applied: calibration sets thresholds",
    ]


def test_import_refuses_with_the_reason(filled: Callable[..., Result], tmp_path: Path) -> None:
    profile = tmp_path / "zoe.json"
    profile.write_text(json.dumps({"name": "Zoe", "embeddings": [[0.5, 1.0]]}))
    for arguments, reason in (
        ((), "name the encoder (--encoder)"),
        (("--encoder", "counting"), "embedding 0 has 2 numbers"),
    ):
        result = filled("enroll", "import", profile, *arguments)
        assert result.exit_code == 1
        assert reason in result.stderr
    assert filled("enroll", "import", tmp_path / "none.json").exit_code == 1
