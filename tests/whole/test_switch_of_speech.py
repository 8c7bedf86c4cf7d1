"""A library of real speech changes from CAM++ to GE2E and returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pgvoice_benchmarks.switching.measuring import switch_and_return
from pgvoice_benchmarks.switching.real_library import Voices, make, simulate
from pgvoice_testkit.processes.installing import install_plugins

from pgvoice.hooks import Encoder
from pgvoice.hooks.encoders.registry import make_encoder, registered_encoders
from pgvoice.hooks.plugins.installed import manager
from pgvoice.store import VoiceStore


@pytest.fixture
def ge2e(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Encoder]:
    """The plugin's encoder, installed in this process until the test is over."""
    install_plugins(tmp_path, "ge2e")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PGVOICE_PLUGINS", "ge2e")
    for cache in (manager, registered_encoders):
        cache.cache_clear()
    yield make_encoder("ge2e")
    for cache in (manager, registered_encoders):
        cache.cache_clear()


@pytest.mark.slow
def test_real_people_lose_nothing(
    store: VoiceStore, speech: Path, tmp_path: Path, ge2e: Encoder
) -> None:
    """What must not change is checked on the way; 200 recordings are a benchmark."""
    voices, campplus = Voices(speech), make_encoder("campplus")
    episodes = simulate(voices, tmp_path, 40)
    make(store, voices, episodes, campplus)
    found = switch_and_return(store, episodes, campplus, ge2e)
    assert found.prepared.filled == len(episodes)
    assert (found.back.filled, found.back.vectors) == (0, 0)
    assert 0 < found.changed < found.labels
    assert found.rates["campplus"].dir > 0.95
    assert found.rates["campplus"].far < 0.05
