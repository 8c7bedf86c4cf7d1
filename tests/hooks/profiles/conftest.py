"""Fixtures for profiles in files: an import, an encoder, two recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import Imported, import_profiles
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder
from pgvoice.store import VoiceStore


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> CountingEncoder:
    counting = CountingEncoder()
    registered = RegisteredEncoder("counting", lambda _source, _device: counting, "counts calls")
    monkeypatch.setattr(registry, "registered_encoders", lambda: {"counting": registered})
    monkeypatch.setenv("PGVOICE_ENCODER", "counting")
    return counting


@pytest.fixture
def put(tmp_path: Path) -> Callable[[object], Path]:
    """Writes a JSON file."""

    def write_json(document: object) -> Path:
        path = tmp_path / "people.json"
        path.write_text(json.dumps(document))
        return path

    return write_json


@pytest.fixture
def take(
    store: VoiceStore, encoder: CountingEncoder, put: Callable[[object], Path]
) -> Callable[..., list[Imported]]:
    """Imports a document, with the encoder named."""

    def imported(document: object, **options: Any) -> list[Imported]:
        return import_profiles(store, put(document), **({"encoder": encoder} | options))

    return imported


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    return write(tmp_path / "ada.wav", voice(110, 4))


@pytest.fixture
def eve(tmp_path: Path) -> Path:
    return write(tmp_path / "eve.wav", voice(900, 4))
