"""``pgvoice fill``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

Call = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("encoder")


def test_the_report(pgvoice: Call, talk: Path, turns: Path) -> None:
    result = pgvoice("fill", "talk", talk, turns)
    assert result.exit_code == 0
    assert result.stderr == ""
    counts = dict(line.rsplit(maxsplit=1) for line in result.stdout.splitlines()[1:-2])
    assert {name.strip(): count for name, count in counts.items()} == {
        "requested": "5",
        "already stored": "0",
        "missing": "5",
        "filled": "3",
        "silent": "1",
        "too_short": "1",
    }
    decoded, stored = result.stdout.splitlines()[-2:]
    assert decoded.startswith("decoded in 0.")
    assert decoded.endswith("on cpu")
    assert stored == "5 turns stored"


def test_other_turns_replace_those_before(filled: Call, turns: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.json"
    again.write_text("[[0, 2], [4.04, 6]]")
    replaced = filled("fill", "talk", again)
    assert replaced.stdout.splitlines()[-1] == f"2 turns stored: 2 new, 5 of {turns} removed"
    shown = json.loads(filled("identify", "talk", "--json").stdout)["segments"]
    assert [(each["start"], each["label"]) for each in shown] == [(0, None), (4, None)]
    added = filled("fill", "talk", turns, "--on-turns", "add")
    assert added.stdout.splitlines()[-1] == "7 turns stored: 5 new"
    left = json.loads(filled("fill", "talk", again, "--on-turns", "ignore", "--json").stdout)
    assert left["turns"] is None


def test_a_warm_fill_opens_no_audio(filled: Call, turns: Path, encoder: CountingEncoder) -> None:
    calls = len(encoder.calls)
    result = filled("fill", "talk", "no-longer-there.mp3", turns)
    assert result.exit_code == 0
    assert result.stdout.endswith("0 missing, audio not opened, no model loaded\n")
    assert len(encoder.calls) == calls


def test_json(pgvoice: Call, talk: Path, turns: Path) -> None:
    cold = json.loads(pgvoice("fill", "talk", talk, turns, "--json").stdout)
    assert cold["skipped"] == {"silent": 1, "too_short": 1}
    assert (cold["filled"], cold["audio_decoded"], cold["device"]) == (3, True, "cpu")
    warm = json.loads(pgvoice("fill", "talk", talk, turns, "--json").stdout)
    assert (warm["already_stored"], warm["missing"], warm["encoder_calls"]) == (5, 0, 0)
    assert (warm["audio_decoded"], warm["device"]) == (False, None)
    assert list(warm) == list(cold)


def test_audio_and_segments_in_each_others_place(pgvoice: Call, talk: Path, turns: Path) -> None:
    swapped = pgvoice("fill", "talk", turns, talk)
    assert (swapped.exit_code, swapped.stdout) == (1, "")
    assert swapped.stderr == (
        f"Error: AUDIO comes before SEGMENTS: give `{talk} {turns}`, not `{turns} {talk}`\n"
    )
    alone = pgvoice("fill", "talk", talk)
    assert alone.exit_code == 1
    assert f"{talk}: found an audio or video file (WAV), expected segments" in alone.stderr


@pytest.mark.parametrize("by_pipe", [False, True])
def test_segments_in_another_encoding(
    pgvoice: Call, talk: Path, turns: Path, by_pipe: bool
) -> None:
    data = turns.read_text().replace("S0", "Zo\xeb").encode("cp1252")
    other = turns.with_name("other.rttm")
    other.write_bytes(data)
    given = "-" if by_pipe else other
    done = pgvoice("fill", "talk", talk, given, stdin=data if by_pipe else None)
    assert (done.exit_code, done.stderr.count("is not UTF-8: read as cp1252")) == (0, 1)


def test_segments_from_standard_input(pgvoice: Call, talk: Path, turns: Path) -> None:
    stdin = turns.read_text()
    result = pgvoice("fill", "talk", talk, "-", "--format", "rttm", "--json", stdin=stdin)
    assert json.loads(result.stdout)["requested"] == 5


def test_invalid_segments_are_reported_after_the_others_are_stored(
    pgvoice: Call, talk: Path
) -> None:
    segments = "[[0, 2], [5, 3], [4, 6]]"
    result = pgvoice("fill", "talk", talk, "-", "--format", "json", "--json", stdin=segments)
    assert result.exit_code == 3
    report = json.loads(result.stdout)
    assert (report["filled"], report["invalid"]) == (
        2,
        [{"index": 1, "start": 5.0, "end": 3.0, "why": "it ends before it starts"}],
    )
    assert result.stderr.startswith("Error: 1 invalid, the others are stored: segment 1")
    plain = pgvoice("fill", "talk", talk, "-", "--format", "json", stdin=segments)
    assert plain.exit_code == 3
    assert "invalid" in plain.stdout


def test_audio_that_changed(filled: Call, tmp_path: Path, turns: Path) -> None:
    other = write(tmp_path / "other.wav", voice(200, 30))
    arguments = ("fill", "talk", other, "-", "--format", "json", "--json")
    refused = filled(*arguments, stdin="[[14, 16]]")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "the audio of 'talk' changed" in refused.stderr
    kept = filled(*arguments, "--on-audio-change", "keep", stdin="[[14, 16]]")
    assert json.loads(kept.stdout)["filled"] == 1
    assert json.loads(filled("cache", "stats", "--json").stdout)["holdings"][0]["segments"] == 6


def test_files_that_are_not_there(pgvoice: Call, turns: Path, tmp_path: Path) -> None:
    no_audio = pgvoice("fill", "talk", tmp_path / "no.mp3", turns)
    assert no_audio.exit_code == 1
    assert "no.mp3" in no_audio.stderr
    assert pgvoice("fill", "talk", "talk.mp3", tmp_path / "no.rttm").exit_code == 2


def test_an_unknown_encoder(pgvoice: Call, talk: Path, turns: Path) -> None:
    result = pgvoice("fill", "talk", talk, turns, "--encoder", "none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "unknown encoder 'none'; choose one of: counting" in result.stderr


def test_a_warm_process_imports_no_model_and_no_audio(filled: Call, turns: Path) -> None:
    """In a process of its own; the encoder comes by the route of the built-in ones."""
    code = (
        "import sys; from pgvoice_testkit.encoders.counting_encoder import CountingEncoder\n"
        "from pgvoice.hooks.encoders import registry; from pgvoice.cli.main import cli\n"
        "registry.EcapaEncoder = lambda source, device: CountingEncoder()\n"
        f"cli(['fill', 'talk', 'none.wav', {str(turns)!r}], standalone_mode=False)\n"
        "print(sorted({'av', 'librosa', 'soundfile', 'torch'} & set(sys.modules)))"
    )
    support = str(Path(__file__).parent.parent / "support")
    environment = os.environ | {"PGVOICE_ENCODER": "ecapa", "PYTHONPATH": support}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert ran.stdout.splitlines()[-2:] == ["0 missing, audio not opened, no model loaded", "[]"]


def test_without_audio_the_sources_are_asked(
    pgvoice: Call, talk: Path, turns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = pgvoice("fill", "talk", turns)
    assert nowhere.exit_code == 1
    assert "no audio source has the video 'talk'" in nowhere.stderr
    monkeypatch.setenv("PGVOICE_AUDIO", str(talk.parent))
    found = pgvoice("fill", "talk", turns, "--json")
    assert json.loads(found.stdout)["filled"] == 3
    monkeypatch.delenv("PGVOICE_AUDIO")
    again = pgvoice("fill", "talk", turns, "--json")
    assert json.loads(again.stdout)["already_stored"] == 5


def test_wrong_files_are_wrong_usage(run: Call, talk: Path, turns: Path) -> None:
    assert run("fill", "talk").exit_code == 2
    assert run("fill", "talk", talk, turns, "more").exit_code == 2
    assert "'none.rttm' does not exist" in run("fill", "talk", talk, "none.rttm").stderr


def test_times_in_milliseconds(pgvoice: Call, talk: Path, tmp_path: Path) -> None:
    segments = tmp_path / "talk.json"
    for times in ("[[0, 2500], [2600, 4180]]", "[[0, 2500.0], [2600, 4180]]"):
        segments.write_text(times)
        result = pgvoice("fill", "talk", talk, segments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "look like milliseconds; divide" in result.stderr
