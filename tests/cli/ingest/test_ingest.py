"""``pgvoice ingest``."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter

from pgvoice.hooks.ingest import watching

Command = Callable[..., Result]


@pytest.fixture
def manifest(talk: Path, tmp_path: Path) -> Path:
    path = tmp_path / "library.jsonl"
    good = {"video": "talk", "audio": str(talk), "segments": [[0, 2], [4, 6]]}
    bad = {"video": "gone", "audio": "gone.wav", "segments": [[0, 2]]}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    return path


def test_run_status_failed_and_again(
    pgvoice: Command, encoder: CountingEncoder, manifest: Path, tmp_path: Path
) -> None:
    assert "no ingest yet" in pgvoice("ingest", "status").output
    ran = pgvoice("ingest", manifest, "--retries", 0)
    assert ran.exit_code == 1
    assert ran.stdout.startswith(
        "2 recordings: 0 already complete, 1 filled (2 vectors), 1 failed\n  gone: "
    )
    (status,) = json.loads(pgvoice("ingest", "status", "--json").stdout)
    assert (status["ingest"], status["done"], status["failed"]) == ("library", 1, 1)
    assert "library" in pgvoice("ingest", "status").stdout
    again = tmp_path / "again.jsonl"
    listed = pgvoice("ingest", "failed", "library", "--output", again)
    assert "gone.wav" in listed.stdout
    (row,) = map(json.loads, again.read_text().splitlines())
    row["audio"] = json.loads(manifest.read_text().splitlines()[0])["audio"]
    again.write_text(json.dumps(row))
    assert pgvoice("ingest", again, "--name", "library").exit_code == 0
    assert pgvoice("ingest", "failed").stdout == "no recording failed\n"
    loads, calls = encoder.loads, len(encoder.calls)
    warm = pgvoice("ingest", manifest, "--shard", "1/1", "--json")
    assert json.loads(warm.stdout)["complete"] == 2
    assert (encoder.loads, len(encoder.calls)) == (loads, calls)
    assert sum(encoder.calls) == 3


def test_wrong_shards(pgvoice: Command, manifest: Path) -> None:
    for shard in ("0/2", "3/2", "2", "a/b"):
        assert pgvoice("ingest", manifest, "--shard", shard).exit_code == 2


def test_metrics(pgvoice: Command, encoder: CountingEncoder, manifest: Path) -> None:
    ran = pgvoice("ingest", manifest, "--retries", 0, "--metrics", 0)
    assert "metrics at http://127.0.0.1:" in ran.stderr
    text = pgvoice("ingest", "metrics", "library").stdout
    lines = text.splitlines()
    assert 'pgvoice_ingest_recordings{ingest="library",state="failed"} 1.0' in lines
    assert 'pgvoice_ingest_vectors_total{ingest="library"} 2.0' in lines
    for address in ("x", "host:", "70000"):
        assert pgvoice("ingest", manifest, "--metrics", address).exit_code == 2


def test_invalid_segments_give_the_exit_code_3_each_time(
    pgvoice: Command, encoder: CountingEncoder, talk: Path, tmp_path: Path
) -> None:
    path = tmp_path / "library.jsonl"
    spans = [[0, 2], [6, 4], [4, 6]]
    path.write_text(json.dumps({"video": "talk", "audio": str(talk), "segments": spans}))
    for counts in ("0 already complete, 1 filled (2 vectors)", "1 already complete, 0 filled (0"):
        ran = pgvoice("ingest", path)
        assert ran.exit_code == 3
        first, named, more, *_ = ran.stdout.splitlines()
        assert counts in first
        assert first.endswith("0 failed; 1 with invalid segments")
        assert named == (
            "  talk: 1 invalid, the others are stored: segment 1 (6.0, 4.0): it ends before it"
            " starts"
        )
        assert more == "`pgvoice ingest failed library` lists them all"
        assert json.loads(pgvoice("ingest", path, "--json").stdout)["invalid"]
        assert "talk       filled" in pgvoice("ingest", "failed", "--wide").stdout
        assert json.loads(pgvoice("ingest", "status", "--json").stdout)[0]["invalid"] == 1
    both = tmp_path / "both.jsonl"
    gone = {"video": "gone", "audio": "gone.wav", "segments": [[0, 2]]}
    both.write_text(f"{path.read_text()}\n{json.dumps(gone)}")
    assert pgvoice("ingest", both, "--retries", 0).exit_code == 1


def test_what_failed_can_be_run_again_with_the_same_columns(
    pgvoice: Command, encoder: CountingEncoder, talk: Path, tmp_path: Path
) -> None:
    library = tmp_path / "all.rttm"
    library.write_text("SPEAKER x 1 0 2 <NA> <NA> S0 <NA> <NA>\n")
    path, again = tmp_path / "library.csv", tmp_path / "again.jsonl"
    path.write_text(f"video,audio,segments,uri\ntalk,{talk},all.rttm,y\n")
    assert pgvoice("ingest", path, "--retries", 0).exit_code == 1
    pgvoice("ingest", "failed", "--output", again)
    assert json.loads(again.read_text()) == {
        "video": "talk", "audio": str(talk), "segments": str(library), "uri": "y"
    }  # fmt: skip
    library.write_text("SPEAKER y 1 0 2 <NA> <NA> S0 <NA> <NA>\n")
    assert pgvoice("ingest", again, "--name", "library").exit_code == 0
    turns = json.loads(pgvoice("identify", "talk", "--json").stdout)["segments"]
    assert [(turn["start"], turn["end"]) for turn in turns] == [(0, 2)]


def test_a_folder_with_segments_beside_recordings_and_without(
    pgvoice: Command,
    encoder: CountingEncoder,
    segmenter: CountingSegmenter,
    talk: Path,
    turns: Path,
) -> None:
    write(talk.parent / "alone.wav", voice(110, 2), silence(1), voice(310, 3))
    (talk.parent / "lonely.rttm").write_text("")
    ran = pgvoice("ingest", talk.parent)
    assert (ran.exit_code, ran.stderr) == (
        0,
        "Warning: left out lonely.rttm: no audio beside it\n",
    )
    assert ran.stdout.splitlines() == [
        "2 recordings: 0 already complete, 2 filled (5 vectors), 0 failed",
        "22 s of audio, 0 people named",
        "next: `pgvoice serve` shows who speaks, and lets you name voices",
        "to name a voice once for all recordings, link them: `pgvoice voices enable`",
    ]
    assert segmenter.calls == 1
    (status,) = json.loads(pgvoice("ingest", "status", "--json").stdout)
    assert (status["ingest"], status["done"]) == (talk.parent.name, 2)
    calls = len(encoder.calls)
    again = pgvoice("ingest", talk.parent)
    assert again.stdout == "2 recordings: 2 already complete, 0 filled (0 vectors), 0 failed\n"
    assert (segmenter.calls, len(encoder.calls)) == (1, calls)


def test_a_single_recording_gets_the_key_that_one_gives(
    pgvoice: Command, encoder: CountingEncoder, talk: Path, turns: Path
) -> None:
    ran = pgvoice("ingest", talk, "--video", "council 7", "--json")
    found = json.loads(ran.stdout)
    assert (found["ingest"], found["filled"], found["audio_seconds"]) == ("talk", 1, 16.0)
    assert (found["linking"], found["unknown_voices"], found["people"]) == (False, None, [])
    assert "council 7" in pgvoice("videos").stdout
    refused = pgvoice("ingest", talk.parent, "--video", "x")
    assert refused.exit_code == 2
    assert "--video names a single recording" in refused.stderr


def test_two_recordings_of_one_name_are_refused(
    pgvoice: Command, encoder: CountingEncoder, talk: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "talk.wav"
    other.write_bytes(talk.read_bytes())
    ran = pgvoice("ingest", talk, other)
    assert ran.exit_code == 1
    assert f"{talk} and {other} would both be called 'talk'" in ran.stderr
    assert pgvoice("ingest", "status").stdout == "no ingest yet: see `pgvoice ingest --help`\n"


def test_a_path_may_be_called_like_a_command(
    pgvoice: Command,
    encoder: CountingEncoder,
    talk: Path,
    turns: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns.rename(talk.parent / "status.rttm")
    talk.rename(talk.parent / "status")
    monkeypatch.chdir(talk.parent)
    assert "no ingest yet" in pgvoice("ingest", "status").stdout
    for paths in (["./status"], ["--retries", 0, "status"], ["--", "status"]):
        assert pgvoice("ingest", *paths).stdout.startswith("1 recording: ")


def test_linking_is_enabled_with_its_notice_once(
    pgvoice: Command, encoder: CountingEncoder, segmenter: CountingSegmenter, talk: Path
) -> None:
    ran = pgvoice("ingest", talk, "--link")
    assert "That is\nbiometric data of people who were not asked" in ran.stderr
    assert ran.stdout.splitlines() == [
        "1 recording: 0 already complete, 1 filled (3 vectors), 0 failed",
        "16 s of audio, 0 people named, 1 unknown voice",
        "next: `pgvoice serve` shows who speaks, and lets you name voices",
    ]
    (talk.parent / "b.wav").write_bytes(talk.read_bytes())
    again = pgvoice("ingest", talk.parent, "--link")
    assert again.stderr == ""
    assert "1 already complete, 1 filled" in again.stdout


def test_a_watch_ends_with_a_signal(
    pgvoice: Command,
    encoder: CountingEncoder,
    talk: Path,
    turns: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.utime(talk, (0, 0))
    os.utime(turns, (0, 0))
    # Sent once there is nothing to do.
    monkeypatch.setattr(
        watching, "_rest", lambda _seconds, _stop, _sleep: signal.raise_signal(signal.SIGTERM)
    )
    ran = pgvoice("ingest", talk.parent, "--watch")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.startswith(
        "1 recording: 0 already complete, 1 filled (3 vectors), 0 failed\n"
    )
    assert pgvoice("ingest", talk, "--watch", "--limit", 1).exit_code == 2


def test_tables_fit_80_columns(pgvoice: Command, encoder: CountingEncoder, manifest: Path) -> None:
    pgvoice("ingest", manifest, "--retries", 0)
    for command in (("status",), ("failed",)):
        lines = pgvoice("ingest", *command).stdout.splitlines()
        assert max(map(len, lines)) <= 80
    shown = pgvoice("ingest", "status").stdout.splitlines()
    (heading,) = (line for line in shown if line.startswith("ingest"))
    assert " ".join(heading.split()).startswith(
        "ingest recordings done filled left failed invalid "
    )
    wide = pgvoice("ingest", "status", "--wide").stdout.splitlines()[0]
    assert wide.endswith("vectors per second  hours per hour  hours per worker hour")
