"""Fixtures for calling the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.cli.main import cli
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder


@pytest.fixture
def pgvoice(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Calls ``pgvoice`` on an empty store."""
    monkeypatch.setenv("PGVOICE_DATABASE_URL", store_url)
    return lambda *arguments: CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> CountingEncoder:
    """The only registered encoder, and the default one."""
    counting = CountingEncoder()
    registered = {
        "counting": RegisteredEncoder("counting", lambda _source, _device: counting, "counts calls")
    }
    monkeypatch.setattr(registry, "registered_encoders", lambda: registered)
    monkeypatch.setenv("PGVOICE_ENCODER", "counting")
    return counting
