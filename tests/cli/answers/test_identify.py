"""``pgvoice identify``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.filled import X, Y, put, unit

from pgvoice.store import Turn, VoiceStore

Call = Callable[..., Result]

#: Where the encoder's own threshold comes from.
SOURCE = "encoder default: made up"

pytestmark = pytest.mark.usefixtures("encoder")


def test_all_stored_turns(filled: Call) -> None:
    lines = filled("identify", "talk").stdout.splitlines()
    assert lines[0].split() == [
        "start", "end", "label", "speaker", "similarity", "runner-up", "margin", "reason"
    ]  # fmt: skip
    assert lines[1].split()[:5] == ["0:00:00.0", "0:00:02.0", "S0", "Ada", "1.000"]
    assert lines[1].split()[5] == "Bob"
    assert lines[4].split()[2:] == ["S1", "-", "-", "-", "-", "too_short"]
    assert lines[-5:-2] == [
        "5 segments: 3 matched, 1 too_short, 1 silent",
        "cluster S0: 2 Ada",
        "cluster S1: 1 Bob, 2 unknown",
    ]
    assert re.fullmatch(r"threshold 0\.9\d\d for 2 people \(encoder default\)", lines[-1])


def test_a_name_from_the_rest_of_the_cluster(pgvoice: Call, store_url: str) -> None:
    spans = [(0, 2), (3, 5), (6, 8), (9, 9.2)]
    with VoiceStore.open(store_url) as store:
        put(store, "talk", dict(zip(spans, [X, X, X, "too_short"], strict=True)))
        store.people.enroll_segments("Ada", "talk", [(0, 2)])
        store.recordings.store_turns("talk", [Turn(*span, "S0") for span in spans])
    together = pgvoice("identify", "talk").stdout.splitlines()
    assert together[4].split()[2:] == ["S0", "Ada", "-", "-", "-", "by_cluster"]
    assert "4 segments: 3 matched, 1 by_cluster" in together
    assert "cluster S0: 4 Ada" in together
    alone = pgvoice("identify", "talk", "--no-clusters").stdout.splitlines()
    assert alone[4].split()[2:] == ["S0", "-", "-", "-", "-", "too_short"]
    assert "4 segments: 3 matched, 1 too_short" in alone


def test_one_label_one_name(pgvoice: Call, store_url: str) -> None:
    spans = [(0, 2), (3, 5), (6, 8)]
    with VoiceStore.open(store_url) as store:
        put(store, "talk", dict(zip(spans, [X, X, Y], strict=True)))
        for name, span in (("Ada", (0, 2)), ("Bob", (6, 8))):
            store.people.enroll_segments(name, "talk", [span])
    option = "--one-label-one-name"
    refused = pgvoice("identify", "talk", option)
    assert (refused.exit_code, f"{option} needs segments with" in refused.stderr) == (2, True)
    with VoiceStore.open(store_url) as store:
        store.recordings.store_turns("talk", [Turn(*span, "S0") for span in spans])
    assert "cluster S0: 2 Ada, 1 Bob" in pgvoice("identify", "talk").stdout
    named = pgvoice("identify", "talk", option).stdout
    assert "cluster S0: 2 Ada, 1 unknown" in named
    assert "3 segments: 2 matched, 1 other_label" in named
    assert pgvoice("identify", "talk", option, "--no-clusters").exit_code == 2
    roster = pgvoice("identify", "talk", option, "--speakers", "Bob").stdout
    assert "cluster S0: 1 Bob, 2 unknown" in roster
    assert pgvoice("label", "talk", option).exit_code == 0
    assert "other_label" in pgvoice("labels", "show", "talk").stdout


def test_segments_of_a_file_keep_order_and_labels(filled: Call, turns: Path) -> None:
    reverse = "".join(reversed(turns.read_text().splitlines(keepends=True)))
    result = filled("identify", "talk", "-", "--format", "rttm", stdin=reverse)
    assert result.stdout.splitlines()[0].split()[:4] == ["start", "end", "label", "speaker"]
    answered = json.loads(filled("identify", "talk", turns, "--json").stdout)["segments"]
    assert [(answer["label"], answer["speaker"]) for answer in answered] == [
        ("S0", "Ada"),
        ("S1", "Bob"),
        ("S0", "Ada"),
        ("S1", None),
        ("S1", None),
    ]


def test_what_is_not_filled_is_missing(filled: Call) -> None:
    result = filled("identify", "talk", "-", "--format", "json", "--json", stdin="[[1, 3]]")
    assert json.loads(result.stdout)["segments"][0]["reason"] == "missing"


def test_json_says_what_was_required(filled: Call) -> None:
    document = json.loads(filled("identify", "talk", "--json").stdout)
    assert document["encoder"] == "counting@sha256:fake"
    assert (document["kind"], document["source"]) == ("encoder default", SOURCE)
    assert (document["gallery"], document["margin"]) == (2, 0.0)
    assert [band["threshold"] for band in document["bands"]] == [document["threshold"]] * 3
    assert set(document["segments"][0]) == {
        "start", "end", "speaker", "nearest", "similarity", "runner_up", "runner_up_similarity",
        "margin", "reason", "threshold", "min_margin", "threshold_source", "label",
        "voice",
    }  # fmt: skip
    for segment in document["segments"]:
        required = [segment[name] for name in ("threshold", "min_margin", "threshold_source")]
        compared = segment["similarity"] is not None
        assert required == ([document["threshold"], 0.0, SOURCE] if compared else [None] * 3)


def test_a_given_threshold_and_margin(filled: Call) -> None:
    result = filled("identify", "talk", "--threshold", "0.5", "--margin", "1")
    assert result.stdout.splitlines()[-2:] == ["threshold 0.500 (given)", "margin 1.000"]
    assert "(Ada)" in result.stdout
    assert "ambiguous" in result.stdout


INVALID = "[[0, 2], [3, 1], [4, 6], [NaN, 5], [-2, 1]]"


def test_invalid_segments_are_named_and_the_others_answered(filled: Call) -> None:
    arguments = ("identify", "talk", "-", "--format", "json")
    shown = filled(*arguments, stdin=INVALID)
    assert shown.exit_code == 3
    assert shown.stderr == (
        "Error: 3 invalid, the others are answered: segment 1 (3.0, 1.0): it ends before it starts;"
        " segment 3 (nan, 5.0): nan is not a time in seconds of at most 2147483; segment 4"
        " (-2.0, 1.0): it starts before the audio does\n"
    )
    rows = [line.split() for line in shown.stdout.splitlines()[1:6]]
    assert [row[-1] for row in rows] == ["matched", "invalid", "matched", "invalid", "invalid"]
    assert rows[1] == ["3", "1", "-", "-", "-", "-", "-", "invalid"]
    assert "5 segments: 3 invalid, 2 matched" in shown.stdout
    document = filled(*arguments, "--json", stdin=INVALID)
    assert document.exit_code == 3
    answered = json.loads(document.stdout)
    assert [each["speaker"] for each in answered["segments"]] == ["Ada", None, "Bob", None, None]
    assert answered["segments"][1].keys() == answered["segments"][0].keys()
    assert [each["start"] for each in answered["segments"]] == [0, 3, 4, None, -2]
    assert [each["index"] for each in answered["invalid"]] == [1, 3, 4]


@pytest.mark.parametrize(
    ("name", "valid", "invalid"),
    [
        (
            "talk.rttm",
            "SPEAKER talk 1 0.000 2.000 <NA> <NA> S0 <NA> <NA>\n",
            "SPEAKER talk 1 5.000 -2.000 <NA> <NA> S1 <NA> <NA>\n",
        ),
        (
            "talk.json",
            '{"segments": [{"start": 0, "end": 2, "speaker": "S0"}, ',
            '{"start": 5, "end": 3, "speaker": "S1", "text": "hi"}]}\n',
        ),
    ],
)
def test_a_document_keeps_its_invalid_segment(
    filled: Call, tmp_path: Path, name: str, valid: str, invalid: str
) -> None:
    document = tmp_path / name
    document.write_text(valid + invalid)
    result = filled("identify", "talk", document, "--output", "-")
    assert (result.exit_code, "1 invalid, the others are answered" in result.stderr) == (3, True)
    assert result.stdout.endswith(invalid)
    assert "Ada" in result.stdout


def test_invalid_segments_are_written_as_they_were(filled: Call, tmp_path: Path) -> None:
    named = tmp_path / "named.json"
    result = filled("identify", "talk", "-", "--format", "json", "--output", named, stdin=INVALID)
    assert result.exit_code == 3
    first, *others = json.loads(named.read_text())
    assert first == {"start": 0, "end": 2, "speaker": "Ada"}
    assert (others[0], others[3]) == ([3, 1], [-2, 1])
    only = filled("identify", "talk", "-", "--format", "json", stdin="[[3, 1]]")
    assert (only.exit_code, "1 segment: 1 invalid" in only.stdout) == (3, True)


def test_unknown_video_and_encoder(filled: Call) -> None:
    video = filled("identify", "other")
    assert (video.exit_code, video.stdout) == (1, "")
    encoder = filled("identify", "talk", "--encoder", "other")
    assert encoder.exit_code == 1
    assert "there are: counting@sha256:fake" in encoder.stderr


def test_clusters_are_summed_up(filled: Call, turns: Path) -> None:
    lines = filled("identify", "talk", turns, "--clusters").stdout.splitlines()
    assert [line for line in lines if line.startswith("cluster")] == [
        "cluster S0: 2 Ada",
        "cluster S1: 1 Bob, 2 unknown",
    ]
    document = json.loads(filled("identify", "talk", turns, "--clusters", "--json").stdout)
    assert [cluster["parts"][0]["speaker"] for cluster in document["clusters"]] == ["Ada", "Bob"]


def test_clusters_need_labels(filled: Call) -> None:
    result = filled("identify", "talk", "-", "--clusters", stdin="[[0, 2]]")
    assert result.exit_code == 2
    assert "--clusters needs segments with a diarizer's labels" in result.stderr


@pytest.mark.parametrize("name", ["talk.png", "talk.svg", "talk.html"])
def test_a_timeline(filled: Call, tmp_path: Path, name: str) -> None:
    done = filled("identify", "talk", "--json", "--plot", tmp_path / name)
    assert (done.exit_code, done.stderr) == (0, f"picture in {tmp_path / name}\n")
    assert len(json.loads(done.stdout)["segments"]) == 5
    if name != "talk.png":
        drawn = (tmp_path / name).read_text()
        assert all(lane in drawn for lane in ("Ada", "Bob", "(nobody named)", "grey: no vector"))


def test_the_names_are_written_into_the_document(filled: Call, turns: Path, tmp_path: Path) -> None:
    named = tmp_path / "named.rttm"
    assert filled("identify", "talk", turns, "--output", named).exit_code == 0
    assert [line.split()[7] for line in named.read_text().splitlines()][:2] == ["Ada", "Bob"]
    assert filled("identify", "talk", turns, "--output", "-").stdout == named.read_text()
    vtt = tmp_path / "named.vtt"
    filled("identify", "talk", turns, "--output", vtt)
    assert "<v Ada>" in vtt.read_text()
    turns.unlink()
    assert filled("identify", "talk", "--output", "-", "--output-format", "rttm").stdout == (
        named.read_text()
    )


def test_a_file_is_overwritten_only_where_it_is_said(filled: Call, turns: Path) -> None:
    before = turns.read_text()
    refused = filled("identify", "talk", turns, "--output", turns)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"Error: {turns} exists: choose another file, or overwrite it (--overwrite)\n"
    )
    assert turns.read_text() == before
    assert filled("identify", "talk", turns, "--output", turns, "--overwrite").exit_code == 0
    assert turns.read_text() == before.replace("S0", "Ada", 2).replace("S1", "Bob", 1)
    result = filled("identify", "talk", turns, "--overwrite")
    assert (result.exit_code, "--overwrite needs --output" in result.stderr) == (2, True)


def test_the_format_of_the_document_can_be_named(filled: Call, turns: Path, tmp_path: Path) -> None:
    named = tmp_path / "named.json"
    filled("identify", "talk", turns, "--output", named, "--output-format", "whisperx")
    first = json.loads(named.read_text())["segments"][0]
    assert (first["speaker"], first["diarizer_label"]) == ("Ada", "S0")
    shown = filled("identify", "talk", turns, "--output", "-", "--output-format", "whisperx")
    assert shown.stdout == named.read_text()
    wrong = filled("identify", "talk", turns, "--output", "-", "--output-format", "doc")
    assert wrong.exit_code == 1
    assert "unknown format 'doc'; choose one of: ass, assemblyai, audacity," in wrong.stderr
    alone = filled("identify", "talk", turns, "--output-format", "srt")
    assert (alone.exit_code, "--output-format needs --output" in alone.stderr) == (2, True)


@pytest.fixture
def suggesting(pgvoice: Call, store_url: str) -> Call:
    """Calls ``pgvoice`` on a store in which the last two turns are somewhat like the first."""
    ada, bob = "Alexandra Montgomery-Ainsworth", "Bartholomew Fitzgerald-Kennedy"
    with VoiceStore.open(store_url) as store:
        put(store, "talk", {(0, 2): X, (2, 4): Y})
        store.people.enroll_segments(ada, "talk", [(0, 2)])
        store.people.enroll_segments(bob, "talk", [(2, 4)])
        (band,) = store.thresholds.required().bands
        between = (band.suggested + band.threshold) / 2
        near = unit(between, 0.2, (1 - between**2 - 0.2**2) ** 0.5)
        put(store, "talk", {(4, 6): near, (6, 8): near})
        turns = [Turn(0, 2, "S0"), Turn(2, 4, "S1"), Turn(4, 6, "S2"), Turn(6, 8, None)]
        store.recordings.store_turns("talk", turns)
    return pgvoice


def test_a_suggestion_is_shown_with_its_rival(suggesting: Call) -> None:
    lines = suggesting("identify", "talk", "--no-clusters").stdout.splitlines()
    assert "runner-up" in lines[0]
    assert max(map(len, lines[:5])) <= 80
    words = lines[3].split()
    assert words[-1] == "suggested"
    assert words[-2] == "0.200"
    assert lines[3].count("…") == 2, "both names are there, shortened"
    assert "(Ale" in lines[3]
    assert "?)" in lines[3]
    assert lines[6:8] == [
        "4 segments: 2 matched, 2 suggested",
        "suggested: 2 Alexandra Montgomery-Ainsworth or Bartholomew Fitzgerald-Kennedy",
    ]
    document = json.loads(suggesting("identify", "talk", "--json").stdout)["segments"][2]
    assert (document["speaker"], document["reason"]) == (None, "suggested")
    assert document["nearest"].startswith("Alexandra")
    assert document["runner_up"].startswith("Bartholomew")
    assert document["runner_up_similarity"] == pytest.approx(0.2)
    given = suggesting("identify", "talk", "--threshold", "0.9").stdout
    assert "suggested" not in given


def test_a_suggestion_is_written_into_no_document(suggesting: Call, tmp_path: Path) -> None:
    for suffix in ("rttm", "vtt", "srt", "json", "TextGrid", "eaf"):
        named = tmp_path / f"named.{suffix}"
        assert suggesting("identify", "talk", "--output", named).exit_code == 0
        written = named.read_text()
        assert written.count("Alexandra") == written.count("Bartholomew"), "one turn each"
        assert "S2" in written, "the diarizer's label stays"


def test_a_suggestion_has_a_lane_in_the_timeline(suggesting: Call, tmp_path: Path) -> None:
    picture = tmp_path / "talk.svg"
    assert suggesting("identify", "talk", "--plot", picture).exit_code == 0
    assert "(Alexandra Mon… or Bartholomew F…?)" in picture.read_text()
