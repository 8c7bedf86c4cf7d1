"""``pgvoice encoder switch``."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.cli import options
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import RegisteredEncoder

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


def test_preview_then_switch_then_again(library: Call, other: CountingEncoder) -> None:
    shown = library("encoder", "switch", "other", "--dry-run")
    assert (shown.exit_code, _default(library)) == (0, WAS)
    assert shown.stdout.startswith(
        f"from {WAS} to {NOW}\n1 recording: 0 complete before, 1 filled (3 vectors), 0 failed\n"
        "exemplars: 2 from stored segments, 0 computed, 0 missing\n"
    )
    assert f"this was a dry run: {WAS} answers as before\n" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    calls = len(other.calls)
    unanswered = library("encoder", "switch", "other")
    assert (unanswered.exit_code, _default(library)) == (0, WAS)
    assert "1 recording: 1 complete before, 0 filled (0 vectors), 0 failed\n" in unanswered.stdout
    assert unanswered.stdout.endswith(
        f"nothing else changed: {WAS} answers as before\n"
        f"`pgvoice encoder switch other --yes` lets {NOW} answer\n"
    )
    switched = library("encoder", "switch", "other", "--yes")
    assert (switched.exit_code, _default(library)) == (0, NOW)
    assert switched.stdout.endswith(
        f"{NOW} answers from now on\nwhere recordings are filled, set PGVOICE_ENCODER=other\n"
        f"`pgvoice encoder switch --back` goes back to {WAS}\n"
        f"`pgvoice encoder switch --drop {WAS}` deletes it\n"
    )
    again = library("encoder", "switch", "other")
    assert f"{NOW} answers already; what it lacked was done\n" in again.stdout
    assert len(other.calls) == calls


def test_back_needs_a_model_only_for_what_is_missing(
    library: Call, talk: Path, turns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = library("encoder", "switch", "--back")
    assert (nowhere.exit_code, nowhere.stderr) == (
        1,
        f"Error: no other encoder answered before {WAS}: name the one to switch to\n",
    )
    assert library("encoder", "switch", "other", "--yes").exit_code == 0
    monkeypatch.delenv("PGVOICE_ENCODER")
    registered = registry.registered_encoders()
    counting = registered.pop("counting")
    back = library("encoder", "switch", "--back", "--yes")
    assert (back.exit_code, _default(library)) == (0, WAS)
    assert "name it (--encoder or PGVOICE_ENCODER)" in back.stdout
    assert library("encoder", "switch", NOW, "--yes").exit_code == 0
    assert library("fill", "more", talk, turns, "--encoder", "other").exit_code == 0
    lacking = library("encoder", "switch", "--back", "--yes")
    assert lacking.exit_code == 1
    assert f"no model here is {WAS}: name it as --encoder takes it" in lacking.stderr
    registered["counting"] = counting
    assert library("encoder", "switch", "counting", "--yes").exit_code == 0
    assert _default(library) == WAS


def test_drop(library: Call) -> None:
    assert library("encoder", "switch", "other", "--yes").exit_code == 0
    shown = library("encoder", "switch", "--drop", "counting", "--dry-run")
    assert (shown.exit_code, shown.stdout) == (
        0,
        f"{WAS}: 3 vectors of 1 recording\nnothing was deleted\n",
    )
    assert library("encoder", "switch", "--drop", "counting").exit_code == 2
    assert library("encoder", "switch", "--drop", "other", "--yes").exit_code == 1
    dropped = library("encoder", "switch", "--drop", "counting", "--yes", "--json")
    assert json.loads(dropped.stdout)["encoder"]["name"] == "counting"
    stored = json.loads(library("encoder", "list", "--json").stdout)["stored"]
    assert [each["encoder"] for each in stored] == [NOW]


def test_as_json_nobody_is_asked(library: Call) -> None:
    shown = json.loads(library("encoder", "switch", "other", "--json").stdout)
    assert (shown["flipped"], shown["new"]["encoder"]["name"]) == (False, "other")
    assert shown["old"]["confirmed"]["seconds"] == 0
    switched = json.loads(library("encoder", "switch", "other", "--json", "--yes").stdout)
    assert (switched["flipped"], _default(library)) == (True, NOW)


def test_a_terminal_is_asked(library: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "somebody_answers", lambda: True)
    for answer, default in (("n\n", WAS), ("", WAS), ("y\n", NOW)):
        asked = library("encoder", "switch", "other", stdin=answer)
        assert f"Let {NOW} answer from now on? [y/N]" in asked.stderr
        assert (asked.exit_code, _default(library)) == (0, default)


def test_what_is_lacking_is_named(library: Call, talk: Path, tmp_path: Path) -> None:
    bob = write(tmp_path / "bob.wav", voice(310, 4))
    assert library("enroll", "add", "Bob", "--audio", bob, "--force").exit_code == 0
    talk.unlink()
    bob.unlink()
    shown = library("encoder", "switch", "other", "--retries", 0)
    assert shown.exit_code == 0
    assert f"  talk: AudioNotFound: {talk} is gone, and no audio source has" in shown.stdout
    assert f"`pgvoice ingest failed 'encoder {NOW}'` lists them all\n" in shown.stdout
    assert (
        "exemplars: 0 from stored segments, 0 computed, 4 missing\n"
        f"  Ada, 1 exemplar of talk: {talk} is gone, and no audio source has"
    ) in shown.stdout
    assert f"  Bob, 2 exemplars of {bob}: {bob} is gone: put it back, or enroll" in shown.stdout
    refused = library("encoder", "switch", "other", "--retries", 0, "--yes")
    assert (refused.exit_code, _default(library)) == (1, WAS)
    assert f"{NOW} has no vector of any recording" in refused.stderr


def test_ctrl_c_ends_it_after_what_is_in_progress(
    library: Call, other: CountingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(other, "load", interrupted)
    stopped = library("encoder", "switch", "other", "--yes")
    assert stopped.exit_code == 1
    assert stopped.stderr.startswith("finishing what is in progress; press again to stop at once\n")
    assert f"Error: stopped: {WAS} answers as before, and what was done is kept" in stopped.stderr
    assert _default(library) == WAS
    monkeypatch.undo()


def test_wrong_usage_and_what_cannot_be(pgvoice: Call, other: CountingEncoder) -> None:
    for wrong in ([], ["other", "--back"], ["other", "--force"], ["--back", "--drop", "x"]):
        assert pgvoice("encoder", "switch", *wrong).exit_code == 2
    for name, said in (
        ("other", "the store has no encoder yet"),
        ("nothing", "unknown encoder 'nothing'; choose one of: counting, other"),
        ("--back", "no vectors of an encoder in the store"),
    ):
        done = pgvoice("encoder", "switch", name)
        assert (done.exit_code, said in done.stderr) == (1, True), done.stderr


def test_the_only_encoder(library: Call) -> None:
    done = library("encoder", "switch", "counting")
    assert (done.exit_code, f"{WAS} answers already, and the library was" in done.stderr) == (
        1,
        True,
    )
