"""Commands say which encoder answers where a store has several."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from pgvoice_testkit.stores.filled import ENCODER, X, put

from pgvoice.store import VoiceStore

#: Those that print a table, and whether only recordings of the encoder are in it.
COMMANDS = (
    ("identify", "talk"),
    ("videos",),
    ("search", "Ada"),
    ("similar", "talk", "--span", "0-2"),
    ("label", "talk"),
    ("relabel", "--yes"),
    ("labels", "show", "talk"),
    ("labels", "time"),
    ("labels", "runs"),
    ("enroll", "list"),
    ("enroll", "show", "Ada"),
    ("enroll", "check"),
    ("voices", "list"),
    ("voices", "suggestions"),
    ("thresholds",),
    ("cache", "stats"),
)


@pytest.fixture
def answered(filled: Callable[..., Result], store_url: str) -> Callable[..., Result]:
    """A store in which another encoder has vectors too."""
    assert filled("label", "talk").exit_code == 0
    assert filled("voices", "enable").exit_code == 0
    with VoiceStore.open(store_url) as store:
        put(store, "other", {(0, 1): X, (1, 2): X}, ENCODER)
    return filled


def test_answers_name_the_default_encoder(answered: Callable[..., Result]) -> None:
    for command in COMMANDS:
        result = answered(*command)
        assert result.exit_code == 0, result.output
        shown = "counting" if command[0] == "cache" else "encoder"
        if command != ("voices", "list"):  # There is none.
            assert shown in result.stdout, command
        if command[0] != "cache":
            assert "toy" not in result.stdout, command


def test_another_one_answers_if_it_is_named(answered: Callable[..., Result]) -> None:
    shown = answered("identify", "other", "--encoder", "toy").stdout
    assert "encoder toy@sha256:0123456789ab" in shown
    shown = answered("similar", "other", "--span", "0-1", "--encoder", "toy").stdout
    assert shown.splitlines()[-1] == "encoder toy@sha256:0123456789ab"
    shown = answered("enroll", "show", "Ada", "--encoder", "toy").stdout
    assert shown.splitlines() == ["Ada has no exemplars", "encoder toy@sha256:0123456789ab"]


def test_one_encoder_is_not_named_below_tables(filled: Callable[..., Result]) -> None:
    for command in (("videos",), ("similar", "talk", "--span", "0-2")):
        assert "encoder" not in filled(*command).stdout
