"""``pgvoice encoder switch``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import plain, role, run

from pgvoice.cli import options
from pgvoice.hooks import EncoderUnavailable, fill
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder
from pgvoice.store import VoiceStore

Call = Callable[..., Result]
WAS, NOW = "counting@sha256:fake", "other@sha256:fake"


@pytest.fixture
def other(encoder: CountingEncoder) -> CountingEncoder:
    """A second encoder that --encoder takes."""
    made = CountingEncoder("other", dimension=24)
    registry.registered_encoders()["other"] = RegisteredEncoder(
        "other", lambda _source, _device: made, "counts calls, too"
    )
    return made


@pytest.fixture
def library(filled: Call, other: CountingEncoder) -> Call:
    """Calls ``pgvoice`` on a store of the encoder "counting", with labels."""
    assert filled("label", "talk").exit_code == 0
    return filled


def _default(pgvoice: Call) -> str:
    stored = json.loads(pgvoice("encoder", "list", "--json").stdout)["stored"]
    return str(next(each["encoder"] for each in stored if each["is_default"]))


def test_preview_switch_again_back_and_drop(library: Call, other: CountingEncoder) -> None:
    shown = library("encoder", "switch", "other", "--dry-run")
    assert shown.exit_code == 0
    print(shown.output)
    flipped = library("encoder", "switch", "other", "--yes")
    print(flipped.output)
    again = library("encoder", "switch", "other")
    print(again.output)
    back = library("encoder", "switch", "--back")
    print(back.output)
    back = library("encoder", "switch", "--back", "--yes", "--json")
    print(back.output)
