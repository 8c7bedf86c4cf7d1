"""``pgvoice videos``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

pytestmark = pytest.mark.usefixtures("encoder")


def test_the_recordings(filled: Callable[..., Result], turns: Path, talk: Path) -> None:
    filled("label", "talk")
    header, row = filled("videos").stdout.splitlines()
    assert header.split() == [
        "video", "source", "length", "turns", "labels", "filled", "labelled", "changed"
    ]  # fmt: skip
    assert row.split()[:-1] == ["talk", "talk.wav", "0:00:16.0", "5", "2", "3", "5"]
    (found,) = json.loads(filled("videos", "--json").stdout)
    assert (found["source"], found["turns_source"]) == (str(talk), str(turns))
    assert filled("videos", "--encoder", "other").exit_code == 1


def test_none_yet(pgvoice: Callable[..., Result]) -> None:
    assert "no recording yet" in pgvoice("videos").stdout
