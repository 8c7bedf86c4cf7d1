"""Real plugins, installed as packages: an encoder, a segmenter, an audio source and a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result
from pgvoice_testkit.processes.installing import install_plugins

from pgvoice.cli.main import cli
from pgvoice.hooks import Encoder, Segmenter, make_segmenter, read_segments
from pgvoice.hooks.encoders.registry import make_encoder, registered_encoders
from pgvoice.hooks.plugins.installed import manager
from pgvoice.hooks.segmenters.registry import registered_segmenters
from pgvoice.hooks.sources import registered_sources
from pgvoice.hooks.testing import EncoderConformance, SegmenterConformance

CACHES = (manager, registered_encoders, registered_segmenters, registered_sources)
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of them, as pip installs them, and the package that has the weights."""
    target = tmp_path_factory.mktemp("site")
    install_plugins(target, "channels", "ge2e", "manifest", "notes")
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """They are installed in this process too, until the test is over."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PGVOICE_PLUGINS", "channels,ge2e,manifest")
    for cache in CACHES:
        cache.cache_clear()
    yield site
    for cache in CACHES:
        cache.cache_clear()


def test_they_are_found_without_a_setting(site: Path) -> None:
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = {k: v for k, v in os.environ.items() if k != "PGVOICE_PLUGINS"}
    command = [sys.executable, "-m", "pgvoice.cli", "plugin", "list", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment | {"PYTHONPATH": path}
    )
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert found["ge2e"] == {
        "name": "ge2e",
        "distribution": "pgvoice-ge2e",
        "version": "0.1.0",
        "hooks": ["register_encoders"],
        "state": "loaded",
    }
    assert found["channels"]["hooks"] == ["register_segmenters"]
    assert found["manifest"]["distribution"] == "pgvoice-manifest"
    assert found["manifest"]["hooks"] == ["register_audio_sources"]
    assert found["notes"]["hooks"] == ["register_pages"]


@pytest.mark.usefixtures("installed")
class TestGe2e(EncoderConformance):
    def make_encoder(self) -> Encoder:
        return make_encoder("ge2e")


def _telephone_call(folder: Path) -> Path:
    """The demo's conversation, with the people's turns in a channel each."""
    sample = Path(str(distribution("pyannote-audio").locate_file("pyannote/audio/sample")))
    sound, rate = soundfile.read(sample / "sample.wav", dtype="float32")
    channels = np.zeros((len(sound), 2), np.float32)
    for turn in read_segments(sample / "sample.rttm"):
        part = slice(round(turn.start * rate), round(turn.end * rate))
        channels[part, int(turn.label == "speaker91")] = sound[part]
    soundfile.write(folder / "call.wav", channels, rate)
    return folder / "call.wav"


@pytest.mark.usefixtures("installed")
class TestChannels(SegmenterConformance):
    def make_segmenter(self) -> Segmenter:
        return make_segmenter("channels")

    def make_recording(self, folder: Path) -> Path:
        return _telephone_call(folder)


@pytest.fixture
def run(store_url: str, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``pgvoice`` on an empty store; the plugin's list has the demo's conversation."""
    assert installed
    sample = distribution("pyannote-audio").locate_file("pyannote/audio/sample/sample.wav")
    (tmp_path / "list.csv").write_text(f"talk,{sample}\n")
    monkeypatch.setenv("AUDIO_MANIFEST", str(tmp_path / "list.csv"))
    monkeypatch.setenv("PGVOICE_DATABASE_URL", store_url)

    def call(*arguments: str) -> Result:
        result = CliRunner().invoke(cli, [*arguments])
        assert result.exit_code == 0, result.output
        return result

    return call


def test_two_encoders_live_side_by_side(run: Run) -> None:
    """Each fills, enrolls and names by its own; the audio comes from the other plugin."""
    turns = str(distribution("pyannote-audio").locate_file("pyannote/audio/sample/sample.rttm"))
    named = {}
    for name in ("campplus", "ge2e"):
        encoder = ("--encoder", name)
        filled = json.loads(run("fill", "talk", turns, *encoder, "--json").stdout)
        assert (filled["already_stored"], filled["filled"]) == (0, 16)
        for person, span in (("Ada", "10.57-14.7"), ("Bob", "14.49-17.92")):
            run("enroll", "add", person, "--video", "talk", "--span", span, *encoder)
        found = json.loads(run("identify", "talk", *encoder, "--json").stdout)
        assert found["encoder"].startswith(name)
        long = [row for row in found["segments"] if row["end"] - row["start"] > 1.5]
        named[name] = [row["nearest"] for row in long]
    assert named["ge2e"] == named["campplus"] == ["Ada", "Ada", "Bob", "Ada", "Bob", "Ada"]
    stored = json.loads(run("encoder", "list", "--json").stdout)["stored"]
    assert [each["identity"]["dimension"] for each in stored] == [192, 256]
    again = json.loads(run("fill", "talk", turns, "--encoder", "ge2e", "--json").stdout)
    assert (again["already_stored"], again["encoder_calls"]) == (18, 0)


def test_a_telephone_call_is_ingested(run: Run, tmp_path: Path) -> None:
    """Each channel is a person, so that enrolling from a label names all of its turns."""
    chosen = ("--segmenter", "channels", "--encoder", "campplus")
    run("ingest", str(_telephone_call(tmp_path)), *chosen)
    for person, label in (("Ada", "channel1"), ("Bob", "channel2")):
        run("enroll", "add", person, "--video", "call", "--label", label)
    found = json.loads(run("identify", "call", "--json").stdout)["segments"]
    assert {(each["label"], each["speaker"]) for each in found if each["speaker"]} == {
        ("channel1", "Ada"),
        ("channel2", "Bob"),
    }
    again = json.loads(run("ingest", str(tmp_path / "call.wav"), *chosen, "--json").stdout)
    assert (again["complete"], again["filled"]) == (1, 0)


@pytest.mark.usefixtures("installed")
def test_the_source_lists_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = import_module("pgvoice_manifest").find
    assert find("talk") is None
    (tmp_path / "list.csv").write_text("talk,audio/talk.mp3\n")
    monkeypatch.setenv("AUDIO_MANIFEST", str(tmp_path / "list.csv"))
    assert find("talk") == tmp_path / "audio" / "talk.mp3"
    assert find("other") is None
