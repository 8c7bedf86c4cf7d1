"""Video keys and speaker names are stored exactly as given, or refused with a clear error."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, put

from pgvoice.cli.main import cli
from pgvoice.store import PgvoiceError, VoiceStore

EXACT = [
    "'; DROP TABLE pgvoice.video; --",
    '"quoted"',
    "%s %(name)s :name {0} $1",
    "../../etc/passwd",
    "two\nlines\ttab",
    "\u202eright to left\u202c \u05d0\u05d1",
    "\\x00 \\",
    "e\u0301 is not \u00e9",
    " spaces ",
    "\U0001f3a4" * 500,
    "--help",
]
REFUSED = ["", " \n", "nul\0", "x" * 501, "x" * 1_000_000, "\ud800"]


@pytest.mark.parametrize("name", EXACT, ids=range(len(EXACT)))
def test_stored_exactly(store: VoiceStore, name: str) -> None:
    put(store, name, {(0, 1): X})
    store.people.enroll_segments(name, name, [(0, 1)], min_speech=1)
    (answer,) = store.answers.identify(name)
    assert (answer.speaker, answer.reason) == (name, "matched")
    assert [place.video for place in store.answers.appearances(name)] == [name]
    assert [speaker.speaker for speaker in store.people.speakers()] == [name]
    assert not any(check.problems for check in store.upkeep.verify())


@pytest.mark.parametrize("name", REFUSED, ids=range(len(REFUSED)))
def test_refused(store: VoiceStore, name: str) -> None:
    with pytest.raises(ValueError, match="a video's key must") as caught:
        store.recordings.register(name, None, ENCODER, THRESHOLD)
    assert len(str(caught.value)) < 200
    put(store, "v", {(0, 1): X})
    with pytest.raises(ValueError, match="a speaker's name must"):
        store.people.enroll_segments(name, "v", [(0, 1)], min_speech=1)
    assert store.people.speakers() == []


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(max_size=600))
def test_any_name(store: VoiceStore, name: str) -> None:
    refusal: str | None = None
    try:
        store.recordings.register(name, None, ENCODER, THRESHOLD)
    except ValueError as error:
        refusal = str(error)
    with store.database.engine.connect() as connection:
        keys = connection.exec_driver_sql("SELECT key FROM pgvoice.video").scalars().all()
    assert (name in keys) == (refusal is None)
    assert refusal is None or "a video's key must" in refusal


@pytest.mark.parametrize("name", [*EXACT[:-1], *REFUSED[1:4]], ids=str.encode)
def test_by_the_command_line(
    pgvoice: Callable[..., Result], encoder: CountingEncoder, tmp_path: Path, name: str
) -> None:
    wav = write(tmp_path / "talk.wav", voice(110, 2))
    turns = tmp_path / "turns.json"
    turns.write_text("[[0, 1]]")
    filled = pgvoice("fill", name, wav, turns)
    speech = ("--video", name, "--span", "0-1", "--min-speech", 1)
    enrolled = pgvoice("enroll", "add", name, *speech)
    if name in REFUSED:
        assert (filled.exit_code, filled.stdout) == (1, "")
        assert filled.stderr.count("\n") == 1
        return
    assert (filled.exit_code, enrolled.exit_code) == (0, 0), enrolled.output
    (answer,) = json.loads(pgvoice("identify", name, "--json").stdout)["segments"]
    assert answer["speaker"] == name


COMMANDS = st.sampled_from(
    [["fill"], ["identify"], ["search"], ["similar"], ["label"], ["labels", "show"],
     ["cache", "prune"], ["enroll", "rename"], ["enroll", "remove"], ["index", "status"],
     ["db", "verify"]]
)  # fmt: skip
ARGUMENTS = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["--json", "--limit", "-1", "1e999", "nan", "--span", "5-1", "0-1", "--threshold", "2",
             "--video", "v", "--encoder", "x@y", "--sample", "--dry-run", "--yes", "--format"]
        ),
    ),
    max_size=5,
)  # fmt: skip


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(COMMANDS, ARGUMENTS)
def test_any_arguments(
    pgvoice: Callable[..., Result], command: list[str], arguments: list[str]
) -> None:
    done = pgvoice(*command, *arguments)
    assert done.exit_code in (0, 1, 2, 3), done.exception
    assert done.exception is None or isinstance(done.exception, (SystemExit, PgvoiceError))
    assert cli.name


def test_a_suggested_command_can_be_pasted(
    pgvoice: Callable[..., Result], store: VoiceStore
) -> None:
    """The name is one word for the shell, and the shell runs nothing in it."""
    name = "talk; touch 'x' $(touch y) `touch z`"
    put(store, name, {(0, 1): X})
    told = pgvoice("labels", "show", name).stdout
    suggested = told.partition("has no labels: `")[2].rpartition("` stores them")[0]
    assert shlex.split(suggested) == ["pgvoice", "label", name]
