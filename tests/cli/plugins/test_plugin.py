"""``pgvoice plugin``."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version

import pytest
from click.testing import Result


def test_list(run: Callable[..., Result]) -> None:
    lines = run("plugin", "list").stdout.splitlines()
    assert lines[0].split() == ["plugin", "package", "version", "state", "hooks"]
    assert lines[1].split() == [
        *("builtin-encoders", "pgvoice", version("pgvoice"), "loaded", "register_encoders")
    ]


def test_json(run: Callable[..., Result]) -> None:
    document = json.loads(run("plugin", "list", "--json").stdout)
    assert document[0] == {
        "name": "builtin-encoders",
        "distribution": "pgvoice",
        "version": version("pgvoice"),
        "hooks": ["register_encoders"],
        "state": "loaded",
    }


def test_one_that_is_asked_for_in_vain(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pgvoice.hooks.plugins import installed

    installed.manager.cache_clear()
    monkeypatch.setenv("PGVOICE_PLUGINS", "nobody")
    result = run("plugin", "list")
    assert (result.exit_code, "builtin-encoders" in result.stdout) == (1, True)
    assert result.stderr.startswith("Error: PGVOICE_PLUGINS names the plugin 'nobody'")
