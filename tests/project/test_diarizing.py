"""What the benchmarks of diarization count, on made-up turns whose errors are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pgvoice_benchmarks.diarizing import conversations, hypotheses, naming, report, sets
from pgvoice_benchmarks.diarizing.hypotheses import Found
from pgvoice_benchmarks.diarizing.scoring import LENIENT, STRICT, Score, score, together
from pgvoice_benchmarks.naming.recordings import Recording
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.store import Turn, VoiceStore

#: Ada and Bo for 4 s each, of which they share one; nobody in the last 3 s.
REFERENCE = [Turn(0, 4, "Ada"), Turn(3, 7, "Bo")]
REGIONS = [(0.0, 10.0)]
#: Judged seconds of speech.
LENIENT_SECONDS, STRICT_SECONDS = 5, 8


@pytest.mark.parametrize(
    ("found", "lenient", "strict"),
    [
        pytest.param([Turn(0, 4, "x"), Turn(3, 7, "y")], 0, 0, id="right"),
        pytest.param([Turn(0, 3, "x"), Turn(3, 7, "y")], 0, 1, id="overlap missed"),
        pytest.param([Turn(0.2, 4, "x"), Turn(3, 7.2, "y")], 0, 0.4, id="within the collar"),
        pytest.param([Turn(0, 4, "x"), Turn(3, 7.5, "y")], 0.25, 0.5, id="beyond the collar"),
        pytest.param([Turn(0, 7, "x")], 2.5, 4, id="everybody is one person"),
        pytest.param([], LENIENT_SECONDS, STRICT_SECONDS, id="nobody heard"),
        pytest.param([*REFERENCE, Turn(8, 12, "z")], 2, 2, id="somebody beyond the end"),
    ],
)
def test_wrong_seconds_are_counted(found: list[Turn], lenient: float, strict: float) -> None:
    one = score(REFERENCE, found, REGIONS)
    assert one.percent(LENIENT) == pytest.approx(100 * lenient / LENIENT_SECONDS)
    assert one.percent(STRICT) == pytest.approx(100 * strict / STRICT_SECONDS)
    assert (one.people, one.found) == (2, len({turn.label for turn in found}))


def test_files_count_by_their_speech() -> None:
    right, wrong = score(REFERENCE, REFERENCE, REGIONS), score([Turn(0, 2, "Ada")], [], REGIONS)
    both = together([right, wrong])
    assert both.percent(STRICT) == pytest.approx(100 * 2 / 10)
    assert both.jer == pytest.approx(100 / 3)
    assert (both.right, both.files, both.people) == (1, 2, 3)


def _scores(lenient: float, strict: float) -> report.Scores:
    """A podcast with these errors, and the rest without any."""
    right = score(REFERENCE, REFERENCE, REGIONS)
    errors = dict(right.errors)
    for way, percent in ((LENIENT, lenient), (STRICT, strict)):
        errors[way] = replace(errors[way], missed=errors[way].speech * percent / 100)
    wrong = replace(right, errors=errors)
    return {
        group: {group: wrong if group == "simulated-podcast" else right} for group in sets.KNOWN
    }


@pytest.mark.parametrize(("lenient", "strict", "failed"), [(7.04, 12, 0), (7.06, 12.1, 2)])
def test_what_is_required(lenient: float, strict: float, failed: int) -> None:
    assert len(list(report.failures(_scores(lenient, strict)))) == failed


def test_four_of_five_files_need_the_right_number_of_people() -> None:
    scores = {group: dict(files) for group, files in _scores(0, 0).items()}
    wrong: Score = replace(scores["series"]["series"], found=3, right=0)
    assert not list(report.failures(scores))
    scores["series"]["series"] = wrong
    (line,) = report.failures(scores)
    assert "3 of 4" in line


def test_turns_are_read_as_they_were_written(tmp_path: Path) -> None:
    recordings = [_recording(tmp_path, "talk"), _recording(tmp_path, "silence")]
    found = Found({"talk": REFERENCE, "silence": []}, 4.0)
    hypotheses.write(tmp_path / "out", "pgvoice", recordings, found)
    assert hypotheses.diarizers(tmp_path / "out") == ["pgvoice"]
    assert hypotheses.read(tmp_path / "out/pgvoice", recordings) == found
    assert hypotheses.read(tmp_path / "out/pgvoice", [_recording(tmp_path, "other")]) is None


def test_nobody_is_judged_by_what_they_are_enrolled_from(tmp_path: Path) -> None:
    once = Turn(7, 9.5, "Cy")
    talk = _recording(tmp_path, "talk", [*REFERENCE, Turn(7, 8.5, "Ada"), once])
    other = _recording(tmp_path, "other", [Turn(0, 9.9, "Bo")])
    enrolled = naming.samples([talk, other])
    assert {name: sample.span for name, sample in enrolled.items()} == {
        "Ada": (0, 4),
        "Bo": (0, naming.MOST),
    }
    assert naming.judged(talk, enrolled) == [(4, 10)]
    assert naming.judged(other, enrolled) == [(8, 10)]


def test_names_of_right_turns_are_wrong_only_where_names_are(
    store: VoiceStore, tmp_path: Path
) -> None:
    turns = [Turn(0, 3, "Ada"), Turn(3, 6, "Bo"), Turn(6, 8, "Ada"), Turn(8, 10, "Bo")]
    recordings, encoder = [_recording(tmp_path, "talk", turns)], CountingEncoder()
    naming.fill_given(store, encoder, recordings)
    errors = naming.named(store, encoder, recordings)
    assert (errors.speech, errors.missed, errors.false_alarm) == (4, 0, 0)
    assert store.people.speakers() == []


def test_conversations_are_seeded_and_their_turns_have_sound(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for person in range(4):
        folder = tmp_path / f"librispeech-test-other/{person}"
        folder.mkdir(parents=True)
        said = np.tile(np.r_[rng.uniform(-0.5, 0.5, 16_000), np.zeros(4_000)], 30)
        soundfile.write(folder / f"{person}-1-1.flac", said, conversations.RATE)
    first, again = tmp_path / "a", tmp_path / "b"
    for made in (first, again):
        made.mkdir()
    (one,), (two,) = (conversations.make(tmp_path, made, count=1) for made in (first, again))
    assert one.turns == two.turns
    assert one.audio.read_bytes() == two.audio.read_bytes()
    assert len(one.people) == conversations.PEOPLE[0]
    samples, _ = soundfile.read(one.audio)
    quiet = np.ones(len(samples), bool)
    for turn in one.turns:
        quiet[round(turn.start * 16_000) : round(turn.end * 16_000)] = False
    assert np.abs(samples[~quiet]).mean() > 3 * np.abs(samples[quiet]).mean()


def _recording(folder: Path, name: str, turns: list[Turn] | None = None) -> Recording:
    audio = folder / f"{name}.flac"
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, 160_000)
    soundfile.write(audio, noise, 16_000)
    return Recording(name, "made-up", audio, turns or [], name)
