"""``pgvoice evaluate``: figures that can be reckoned by hand, and how it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.filled import X, Y, Z, put, unit

from pgvoice.store import Turn, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

Pgvoice = Callable[..., Result]
#: Ada's last turn is Bob's voice; Carl has no profile.
TURNS = [
    (0.0, 2.0, "Ada_L"),
    (2.0, 4.0, "Bob"),
    (4.0, 6.0, "Ada_L"),
    (6.0, 8.0, "Carl"),
    (8.0, 8.2, "Ada_L"),
    (9.0, 11.0, "Ada_L"),
]


@pytest.fixture
def reference(pgvoice: Pgvoice, store_url: str, tmp_path: Path) -> Path:
    """Who speaks in the video `talk`, which is stored; Ada and Bob are enrolled from another."""
    spans = [(start, end) for start, end, _ in TURNS]
    said: list[Embedding | str] = [X, Y, unit(1, 0.3, 0), Z, "too_short", Y]
    with VoiceStore.open(store_url) as store:
        put(store, "before", {(0, 2): X, (2, 4): Y})
        store.people.enroll_segments("Ada L", "before", [(0, 2)])
        store.people.enroll_segments("Bob", "before", [(2, 4)])
        put(store, "talk", dict(zip(spans, said, strict=True)))
    return _rttm(tmp_path / "talk.rttm", TURNS)


def _rttm(path: Path, turns: list[tuple[float, float, str]]) -> Path:
    lines = (
        f"SPEAKER talk 1 {start:.3f} {end - start:.3f} <NA> <NA> {name} <NA> <NA>\n"
        for start, end, name in turns
    )
    path.write_text("".join(lines))
    return path


def _document(done: Result) -> dict[str, dict[str, float]]:
    assert done.exit_code == 0, done.output
    document: dict[str, dict[str, float]] = json.loads(done.stdout)
    return document


def _rows(done: Result) -> list[list[str]]:
    """The lines of the tables, in words, without the headers."""
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    starts = [at for at, words in enumerate(lines) if words[:1] == ["video"]]
    return [words for at in starts for words in lines[at + 1 : lines.index([], at)]]


def test_what_is_right_comes_before_error_rates(pgvoice: Pgvoice, reference: Path) -> None:
    done = pgvoice("evaluate", f"talk={reference}")
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "Enrolled: 2 people, 0:00:08.2 of speech: 73.2 % with the right name, 24.4 % with a wrong"
        " name, 2.44 % without a name",
        "Not enrolled: 1 person, 0:00:02.0 of speech: 0 % with a name",
    ]
    names, rates = (" ".join(row) for row in _rows(done))
    assert names == "talk 4 of 6 0:00:08.2 73.2 % 24.4 % 2.44 % 0:00:02.0 0 %"
    assert rates == "talk 75 % of 4 0 % of 1 21.6 % 21.6 % 0 % 0 % 21.6 %"
    assert "names of the references' turns\n" in done.stdout
    assert "collar 0 s, overlapping speech counted for each" in done.stdout
    assert re.fullmatch(r"threshold 0\.5\d\d for 2 people \(encoder default\)", lines[-1])
    assert done.stderr == ""


def test_several_videos_have_a_row_of_all(pgvoice: Pgvoice, reference: Path) -> None:
    before = _rttm(reference.parent / "before.rttm", [(0, 2, "Ada_L"), (2, 4, "Bob")])
    arguments = ("evaluate", f"talk={reference}", f"before={before}")
    rows = _rows(pgvoice(*arguments))[:3]
    assert [row[0:4] for row in rows] == [
        ["talk", "4", "of", "6"],
        ["before", "2", "of", "2"],
        ["(all)", "6", "of", "8"],
    ]
    document = _document(pgvoice(*arguments, "--json"))
    before.write_text(reference.read_text() + before.read_text().replace("talk", "before"))
    assert _document(pgvoice("evaluate", before, "--json")) == document
    found = document["overall"]
    assert (found["enrolled_right"], found["enrolled"], found["dir"]) == (5, 6, 5 / 6)
    assert found["der"] == pytest.approx(2.2 / 14.2)


def test_a_threshold_names_fewer(pgvoice: Pgvoice, reference: Path) -> None:
    arguments = ("evaluate", f"talk={reference}", "--json", "--threshold")
    low, high = (_document(pgvoice(*arguments, value))["overall"] for value in (-1, 0.99))
    assert (low["far"], low["dir"]) == (1, 0.75)
    assert (high["far"], high["dir"]) == (0, 0.5)
    assert high["misnamed"] == pytest.approx(4.2)


def test_stored_segments_are_judged_where_one_person_speaks(
    pgvoice: Pgvoice, reference: Path
) -> None:
    _rttm(reference, [(0.0, 3.0, "Ada_L"), (3.0, 4.0, "Bob"), (4.0, 6.0, "Ada_L")])
    found = _document(pgvoice("evaluate", f"talk={reference}", "--stored", "--json"))["overall"]
    assert (found["segments"], found["right"], found["unclear"]) == (2, 2, 4)
    assert [found[part] for part in ("speech", "missed", "false_alarm", "misnamed")] == (
        pytest.approx([6, 0, 4.2, 1])
    )


def test_labels_are_judged_as_they_are_kept(pgvoice: Pgvoice, reference: Path) -> None:
    arguments = ("evaluate", f"talk={reference}", "--labels")
    none = pgvoice(*arguments)
    assert (none.exit_code, "talk has no labels: `pgvoice label talk`" in none.output) == (1, True)
    pgvoice("label", "talk")
    before = _document(pgvoice(*arguments, "--json"))
    pgvoice("labels", "pin", "talk", "Ada L", "--span", "9-11", "--span", "8-8.2")
    after = _document(pgvoice(*arguments, "--json"))
    assert (before["overall"]["right"], after["overall"]["right"]) == (4, 6)
    assert (after["overall"]["der"], "judged_by" in before) == (0, True)
    assert not after["judged_by"]
    assert pgvoice(*arguments, "--stored").exit_code == 2


def test_names_say_whom_labels_mean(pgvoice: Pgvoice, reference: Path) -> None:
    _rttm(reference, [(0.0, 2.0, "SPEAKER_00"), (2.0, 4.0, "SPEAKER_01")])
    arguments = ("evaluate", f"talk={reference}", "--name", "SPEAKER_00=Ada L")
    assert "'SPEAKER_01' is a diarizer's label" in pgvoice(*arguments).output
    for label in ("SPEAKER_01", "talk:SPEAKER_01", "*:SPEAKER_01"):
        done = pgvoice(*arguments, "--name", f"{label}=Bob")
        assert _rows(done)[0][:4] == ["talk", "2", "of", "2"]


def test_a_label_in_two_recordings_is_two_people(pgvoice: Pgvoice, reference: Path) -> None:
    """SPEAKER_00 is Ada in one of them and Bob in the other."""
    _rttm(reference, [(0.0, 2.0, "SPEAKER_00")])
    before = _rttm(reference.parent / "before.rttm", [(2, 4, "SPEAKER_00")])
    arguments = ("evaluate", f"talk={reference}", f"before={before}", "--name")
    pooled = pgvoice(*arguments, "SPEAKER_00=Ada L")
    assert pooled.exit_code == 1
    assert "it may be two people: name it for each (--name 'talk:SPEAKER_00=Ada L')" in (
        pooled.stderr
    )
    apart = pgvoice(*arguments, "talk:SPEAKER_00=Ada L", "--name", "before:SPEAKER_00=Bob")
    assert [row[:4] for row in _rows(apart)[:3]] == [
        ["talk", "1", "of", "1"],
        ["before", "1", "of", "1"],
        ["(all)", "2", "of", "2"],
    ]
    both = _rows(pgvoice(*arguments, "*:SPEAKER_00=Ada L", "--name", "before:SPEAKER_00=Bob"))
    assert both[:3] == _rows(apart)[:3]
    assert _rows(pgvoice(*arguments, "*:SPEAKER_00=Ada L"))[2][:4] == ["(all)", "1", "of", "2"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("S9=Bob", "no label 'S9' in any reference"),
        ("before:Bob=Bob", "no label 'Bob' in the reference of 'before'"),
    ],
)
def test_a_label_that_is_not_there(
    pgvoice: Pgvoice, reference: Path, name: str, message: str
) -> None:
    done = pgvoice("evaluate", f"talk={reference}", "--name", name)
    assert (done.exit_code, message in done.stderr) == (1, True), done.output


def test_a_warning_if_nobody_in_the_references_is_enrolled(
    pgvoice: Pgvoice, reference: Path
) -> None:
    _rttm(reference, [(0.0, 2.0, "ada"), (2.0, 4.0, "bob")])
    for more in ([], ["--json"]):
        done = pgvoice("evaluate", f"talk={reference}", *more)
        assert done.exit_code == 0
        assert done.stderr.startswith(
            "Warning: nobody in the references is enrolled with toy@sha256:0123456789ab ('ada',"
            " 'bob'), so the right answer is no name everywhere: "
        )
    assert "Enrolled:" not in pgvoice("evaluate", f"talk={reference}").stdout
    assert pgvoice("evaluate", f"talk={reference}", "--name", "ada=Ada L").stderr == ""


def test_der_options_reach_it(pgvoice: Pgvoice, reference: Path) -> None:
    _rttm(reference, [*TURNS[:2], (2.0, 4.0, "Ada_L")])
    arguments = ("evaluate", f"talk={reference}", "--json")
    both = _document(pgvoice(*arguments))["overall"]
    one = _document(pgvoice(*arguments, "--skip-overlap", "--collar", "0.5"))["overall"]
    assert [both["speech"], one["speech"]] == pytest.approx([6, 1.5])
    assert [both["misnamed"], one["misnamed"]] == pytest.approx([2, 0])


def test_only_the_regions_of_a_uem_file_are_scored(pgvoice: Pgvoice, reference: Path) -> None:
    """DER to the instant, and the segments whose middle lies in a region."""
    uem = reference.with_suffix(".uem")
    uem.write_text(";; two regions\ntalk 1 0 5.5\ntalk 1 7 10\nother 1 0 9\n")
    arguments = ("evaluate", f"talk={reference}", "--json", "--uem", uem)
    found = _document(pgvoice(*arguments))["overall"]
    assert (found["segments"], found["right"]) == (5, 4)
    assert [found[part] for part in ("speech", "misnamed")] == pytest.approx([7.7, 1.2])
    stored = _document(pgvoice(*arguments, "--stored"))["overall"]
    assert [stored[part] for part in ("segments", "speech")] == pytest.approx([5, 7.7])
    before = _rttm(reference.parent / "before.rttm", [(0, 2, "Ada_L"), (2, 4, "Bob")])
    done = pgvoice(*arguments, f"before={before}")
    assert done.stderr == f"Warning: {uem} has no regions of 'before': left out\n"
    assert _document(done)["overall"] == found
    uem.write_text("gone 1 0 5.5\n")
    refused = pgvoice(*arguments)
    assert refused.exit_code == 1
    assert "has no regions of 'talk': it names 'gone'" in refused.stderr
    uem.write_text("talk 1 20 30\n")
    assert "has no speech in its regions" in pgvoice(*arguments).stderr


@pytest.mark.parametrize(
    ("argument", "code", "message"),
    [
        ("talk", 2, "'talk' is neither VIDEO=FILE nor a file"),
        ("talk=nowhere", 2, "there is no file 'nowhere'"),
        ("other={}", 1, "no video 'other'"),
        ("talk={} --name Ada", 2, "'Ada' is not LABEL=NAME or VIDEO:LABEL=NAME"),
    ],
)
def test_refusals(
    pgvoice: Pgvoice, reference: Path, argument: str, code: int, message: str
) -> None:
    done = pgvoice("evaluate", *argument.format(reference).split())
    assert (done.exit_code, message in done.output) == (code, True), done.output


def test_what_is_not_filled_is_named(pgvoice: Pgvoice, reference: Path) -> None:
    _rttm(reference, [*TURNS, (20.0, 22.0, "Bob")])
    done = pgvoice("evaluate", f"talk={reference}")
    assert done.exit_code == 1
    assert (
        "1 of 7 turns (20-22 s) of talk are not stored: fill them (`pgvoice fill talk"
        in done.output
    )


def test_a_reference_says_who_speaks(pgvoice: Pgvoice, reference: Path) -> None:
    nameless = reference.with_suffix(".json")
    nameless.write_text("[[0, 2]]")
    done = pgvoice("evaluate", f"talk={nameless}")
    assert (done.exit_code, "the turn at 0 s has no name" in done.output) == (1, True)


@pytest.mark.parametrize("name", ["scores.png", "scores.svg", "scores.html"])
def test_a_picture_of_the_scores(pgvoice: Pgvoice, reference: Path, name: str) -> None:
    path = reference.parent / name
    done = pgvoice("evaluate", f"talk={reference}", "--json", "--plot", path)
    assert (done.exit_code, done.stderr) == (0, f"picture in {path}\n")
    assert json.loads(done.stdout)["overall"]["right"] == 4
    assert path.stat().st_size > 5000


def test_a_picture_of_a_kind_that_there_is_not(pgvoice: Pgvoice, reference: Path) -> None:
    for name, message in (("a.jpg", "does not end in .png"), ("no/a.png", "no folder 'no'")):
        done = pgvoice("evaluate", f"talk={reference}", "--plot", name)
        assert (done.exit_code, message in done.output) == (2, True)


def test_clusters_beside_segments(pgvoice: Pgvoice, reference: Path, store_url: str) -> None:
    """The labels are the stored turns'; the short turn of Ada's label gets her name."""
    arguments = ("evaluate", f"talk={reference}", "--clusters")
    refused = pgvoice(*arguments)
    assert refused.exit_code != 0
    assert "no stored turns with a diarizer's labels" in refused.stderr
    _rttm(reference, [*TURNS, (12.0, 14.0, "Ada_L")])
    labels = ["A", "B", "A", "C", "A", "B", "A"]
    spans = [*(turn[:2] for turn in TURNS), (12.0, 14.0)]
    with VoiceStore.open(store_url) as store:
        put(store, "talk", {(12, 14): X})
        turns = [Turn(*span, label) for span, label in zip(spans, labels, strict=True)]
        store.recordings.store_turns("talk", turns)
    alone, clusters, one_name = _rows(pgvoice(*arguments))[2:5]
    assert " ".join(alone) == "talk segments 78.4 % 19.6 % 0 % 18 % 18 %"
    assert " ".join(clusters) == "talk clusters 80.4 % 19.6 % 0 % 16.4 % 16.4 %"
    assert " ".join(one_name) == "talk one name 80.4 % 19.6 % 0 % 16.4 % 16.4 %"
    document = _document(pgvoice(*arguments, "--stored", "--json"))
    found = document["clusters"]["overall"]
    assert isinstance(found, dict)
    assert document["one_name"].keys() == document["clusters"].keys()
    assert (document["overall"]["right"], found["right"]) == (5, 6)
    assert "leave out --stored, --clusters" in pgvoice(*arguments, "--labels").stderr
