"""Torch and torchaudio of the same release, or an error that says how to get them."""

from __future__ import annotations

import builtins
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pgvoice.hooks.encoders import torch_pair
from pgvoice.hooks.encoders.campplus.campplus import CampplusEncoder
from pgvoice.hooks.encoders.torch_pair import NEWEST, OLDEST, load_torchaudio, releases_differ
from pgvoice.hooks.errors import EncoderUnavailable

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The versions in the metadata."""
    versions = {"torch": "2.9.1+cu128", "torchaudio": "2.11.0"}
    monkeypatch.setattr(torch_pair, "version", versions.__getitem__)
    return versions


@pytest.fixture(params=[OSError, ImportError, RuntimeError])
def not_loading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the pair differs: the library of one lacks a symbol of the other."""
    real = builtins.__import__

    def fail(name: str, *rest: Any) -> Any:
        if name == "torchaudio":
            raise request.param("_torchaudio.abi3.so: undefined symbol: torch_library_impl\nmore")
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "torchaudio", raising=False)
    monkeypatch.setattr(builtins, "__import__", fail)


@pytest.mark.usefixtures("not_loading")
def test_a_pair_that_does_not_load(installed: dict[str, str]) -> None:
    with pytest.raises(EncoderUnavailable) as error:
        CampplusEncoder("cpu").encode([np.zeros(16_000, np.float32)])
    assert str(error.value) == (
        "torchaudio 2.11.0 does not load with torch 2.9.1+cu128 (_torchaudio.abi3.so: undefined"
        " symbol: torch_library_impl): install the same release of both:"
        " pip install torch==2.9.0 torchaudio==2.9.0"
    )


@pytest.mark.parametrize(
    ("torch", "wanted"), [("2.13.0", "2.11"), ("2.7.1", "2.11"), ("2.8", "2.8")]
)
def test_the_remedy_is_a_release_that_both_have(
    installed: dict[str, str], torch: str, wanted: str
) -> None:
    installed["torch"] = torch
    assert torch_pair.remedy() == f"pip install torch=={wanted}.0 torchaudio=={wanted}.0"


def test_a_missing_torchaudio_is_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    with pytest.raises(EncoderUnavailable, match=r'pip install "pgvoice\[extract\]"'):
        load_torchaudio()


def test_releases_differ_by_more_than_their_last_number(installed: dict[str, str]) -> None:
    assert releases_differ()
    installed["torchaudio"] = "2.9.0"
    assert not releases_differ()


def test_this_environment_has_a_pair() -> None:
    load_torchaudio()
    assert not releases_differ()


def test_the_releases_are_those_of_the_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first, last = (".".join(map(str, release)) for release in (OLDEST, NEWEST))
    below = f"{NEWEST[0]}.{NEWEST[1] + 1}"
    required = project["optional-dependencies"]["extract"]
    assert {f"torch>={first},<{below}", f"torchaudio>={first},<{last}.1"} <= set(required)
