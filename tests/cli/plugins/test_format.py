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
    assert "assemblyai    .json      yes    AssemblyAI" in lines
    assert not [line for line in lines if line.endswith(" -")]
    assert max(map(len, lines)) <= 80


def test_json(run: Callable[..., Result]) -> None:
    document = json.loads(run("format", "list", "--json").stdout)
    assert {
        "name": "assemblyai",
        "suffixes": [".json"],
        "summary": "AssemblyAI",
        "writes_names": True,
    } in document
