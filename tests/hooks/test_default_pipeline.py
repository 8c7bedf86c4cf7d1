"""``segments_ready`` without other plugins: named speakers from the settings' store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.stores.filled import put, unit

from pgvoice.hooks import (
    AudioNotFound,
    Labelled,
    PluginError,
    hookimpl,
    make_encoder,
    pipeline,
    segments_ready,
)
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterEncoder
from pgvoice.store import VoiceStore
from pgvoice.store.errors import DatabaseUnreachable

ADA, BOB = (0.0, 2.0), (4.0, 6.0)


class Counting:
    """Registers the counting encoder."""

    def __init__(self) -> None:
        self.encoder = CountingEncoder()

    @hookimpl
    def register_encoders(self, register: RegisterEncoder) -> None:
        register("counting", lambda _source, _device: self.encoder, summary="counts")


@pytest.fixture
def encoder(
    store_url: str, loaded: installed.Plugins, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CountingEncoder]:
    """The encoder of the settings, which also name an empty store."""
    plugin = Counting()
    loaded.register(plugin, "counting")
    monkeypatch.setenv("PGVOICE_DATABASE_URL", store_url)
    monkeypatch.setenv("PGVOICE_ENCODER", "counting")
    yield plugin.encoder
    pipeline.close_default()


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 4), voice(310, 4, seed=1))


def _names(labels: list[Labelled]) -> list[str | None]:
    return [label.speaker for label in labels]


def test_named_speakers_by_one_call(encoder: CountingEncoder, talk: Path) -> None:
    before = segments_ready("talk", talk, [ADA, BOB])
    assert [label.reason for label in before] == ["no_profiles", "no_profiles"]
    with VoiceStore.open() as store:
        store.people.enroll_segments("Ada", "talk", [ADA])
        store.people.enroll_segments("Bob", "talk", [BOB])
    given = [{"start": 4.0, "end": 6.0, "speaker": "S1"}, (0.0, 2.0), (3.0, 1.0)]
    labels = segments_ready("talk", None, given)
    assert _names(labels) == ["Bob", "Ada", None]
    assert (labels[0].segment.label, labels[2].reason) == ("S1", "invalid")
    assert (encoder.loads, encoder.calls) == (1, [2])
    assert _names(installed.manager().hook.segments_ready(video="talk", audio=None, segments=given))


def test_the_pipeline_is_that_of_the_settings_now(
    encoder: CountingEncoder, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = os.environ["PGVOICE_DATABASE_URL"]
    monkeypatch.setenv("PGVOICE_DATABASE_URL", "postgresql://nobody@localhost:1/none")
    for _ in range(2):
        with pytest.raises(DatabaseUnreachable):
            segments_ready("talk", talk, [ADA])
    monkeypatch.setenv("PGVOICE_DATABASE_URL", good)
    assert len(segments_ready("talk", talk, [ADA])) == 1
    pipeline.close_default()
    assert len(segments_ready("talk", None, [ADA])) == 1
    assert encoder.calls == [1]


@pytest.mark.usefixtures("encoder")
def test_an_error_is_no_label_and_is_not_swallowed() -> None:
    with pytest.raises(AudioNotFound, match="no audio source has the video 'talk'"):
        segments_ready("talk", None, [ADA])


@pytest.mark.usefixtures("encoder")
def test_a_plugin_goes_first_and_one_that_fails_is_passed_over(
    loaded: installed.Plugins, talk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        @hookimpl
        def segments_ready(self) -> None:
            raise ZeroDivisionError("oh")

    class Certain:
        @hookimpl
        def segments_ready(self) -> list[Labelled]:
            return []

    loaded.register(Failing(), "failing")
    assert len(segments_ready("talk", talk, [ADA])) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "the plugin failing failed in segments_ready"
    ]
    loaded.register(Certain(), "certain")
    assert segments_ready("nothing", None, []) == []


def test_plugins_that_cannot_be_loaded_are_told(
    loaded: installed.Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded
    installed.manager.cache_clear()
    monkeypatch.setenv("PGVOICE_PLUGINS", "nobody")
    with pytest.raises(PluginError, match="PGVOICE_PLUGINS names the plugin 'nobody'"):
        segments_ready("talk", None, [ADA])


SCRIPT = """
    import atexit, json, os, sys
    atexit.register(lambda: print(pipeline._opened._pipelines))
    from sqlalchemy import Engine, event
    from pgvoice.hooks import segments_ready, pipeline

    statements = []
    segments = [(0, 2), (4, 6)]
    segments_ready("talk", None, segments)
    event.listen(Engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    labels = segments_ready("talk", None, segments)
    modules = sorted({"torch", "numpy", "av", "soundfile", "librosa"} & sys.modules.keys())
    print(json.dumps([[label.speaker for label in labels], statements, modules]))
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        print(json.dumps([label.speaker for label in segments_ready("talk", None, segments)]))
        sys.exit()
    os.waitpid(child, 0)
    print(json.dumps([label.speaker for label in segments_ready("talk", None, segments)]))
"""


def test_in_a_process_of_its_own(store: VoiceStore, store_url: str) -> None:
    """Stored segments need no torch; a forked child connects itself; the exit closes everything."""
    identity = make_encoder("campplus").identity
    turns = {(0.0, 2.0): unit(*np.eye(192)[0]), (4.0, 6.0): unit(*np.eye(192)[1])}
    put(store, "talk", turns, identity)
    store.people.enroll_segments("Ada", "talk", [ADA])
    store.people.enroll_segments("Bob", "talk", [BOB])
    settings = {"PGVOICE_DATABASE_URL": store_url, "PGVOICE_ENCODER": "campplus"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | settings,
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, child, kept_by_child, again, kept = done.stdout.splitlines()
    names, statements, modules = json.loads(first)
    assert names == json.loads(child) == json.loads(again) == ["Ada", "Bob"]
    # What is missing, the turns, the record, the voices; then encoder, video, encoder, answers.
    kinds = [each.split()[0] for each in statements]
    assert kinds == ["SELECT", "SELECT", "INSERT", *["SELECT"] * 5]
    assert [number for number, each in enumerate(statements) if "segment_embedding" in each] == [0]
    assert "pgvoice.identify(" in statements[7]
    assert modules == ["numpy"]
    assert (len(kept_by_child) > 2, kept) == (True, "{}")
