"""``pgvoice format``."""

from __future__ import annotations

import json
from collections.abc import Callable

from click.testing import Result

from pgvoice.hooks import registered_formats


def test_list(run: Callable[..., Result]) -> None:
    lines = run("format", "list").stdout.splitlines()
    assert lines[0].split() == ["format", "suffixes", "names", "description"]
    assert [line.split()[0] for line in lines[1:]] == sorted(registered_formats())
    assert lines[1].split() == ["assemblyai", ".json", "yes", "AssemblyAI"]
    assert max(map(len, lines)) <= 80


def test_json(run: Callable[..., Result]) -> None:
    document = json.loads(run("format", "list", "--json").stdout)
    assert document[0] == {
        "name": "assemblyai",
        "suffixes": [".json"],
        "summary": "AssemblyAI",
        "writes_names": True,
    }
