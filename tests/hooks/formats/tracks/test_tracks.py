"""Audacity, TextGrid and ELAN, with praatio and pympi as the other readers and writers."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pgvoice_testkit.stores.labelled_turns import labels
from praatio import textgrid
from pympi import Elan

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.reading import SegmentsDocument, read_document, read_segments
from pgvoice.hooks.formats.tracks.audacity import read_audacity
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn

SAMPLES = Path(__file__).parents[1] / "samples"
TURNS = [Turn(0.5, 2, "S0", 'Hi, "you" & <me>'), Turn(1, 3, "S0"), Turn(3, 4.5, None, "Bye")]
# Untyped.
Eaf: Any = Elan.Eaf


def sample(name: str) -> SegmentsDocument:
    return read_document(SAMPLES / name)


def test_labels_of_audacity() -> None:
    assert read_segments(SAMPLES / "labels.txt") == [
        Turn(3.4, 6.1, "Ann"),
        Turn(6.5, 9, "Bob", "And so on, and on."),
        Turn(9.25, 10),
    ]
    assert read_audacity("1,5\t2,25\tAnn") == [Turn(1.5, 2.25, "Ann")]


def test_names_of_audacity() -> None:
    source = sample("labels.txt")
    named = write_labels(labels(source.segments, "Ada L", "Zoë", "Bob"), source=source)
    expected = source.text.replace("\tAnn\n", "\tAda L\n").replace("[Bob]", "[Zoë]")
    assert named == expected.replace("10.000000\t\n", "10.000000\tBob\n")
    text = write_labels(labels(TURNS, "Ada", None, None), "audacity")
    assert text == (
        '0.500000\t2.000000\t[Ada]: Hi, "you" & <me>\n1.000000\t3.000000\tS0\n'
        "3.000000\t4.500000\t[]: Bye\n"
    )
    with pytest.raises(FormatError, match="cannot be written as audacity"):
        write_labels(labels(TURNS[:1], "[x]"), "audacity")


@pytest.mark.parametrize("text", ["1\t2", "\t1\t2\tx", "1 2 x", "one\t2\tx"])
def test_what_is_no_label_track(text: str) -> None:
    if text == "1\t2":
        assert read_audacity(text) == [Turn(1, 2)]
        return
    with pytest.raises(FormatError, match=r"line 1: found .* separated by tabs"):
        read_audacity(text)


def test_intervals_of_tiers() -> None:
    assert read_segments(SAMPLES / "talk.TextGrid") == [
        Turn(0, 1, "John", "no"),
        Turn(0.7, 1.6123456789, "Mary", 'he said "yes"'),
        Turn(2, 5.25, "Mary", "naïve ɛ"),
    ]
    assert read_segments(SAMPLES / "free.TextGrid") == [Turn(0, 1, "Mary", "oh")]


def test_a_tier_takes_the_name_of_its_speaker() -> None:
    source = sample("talk.TextGrid")
    named = write_labels(labels(source.segments, "Bob", 'Ada "L"', 'Ada "L"'), source=source)
    assert named == source.text.replace('"Mary"', '"Ada ""L"""').replace('"John"', '"Bob"')


@pytest.mark.parametrize("name", ["talk.TextGrid", "short.TextGrid"])
def test_intervals_with_another_name_move(name: str, tmp_path: Path) -> None:
    source = sample(name)
    people = [None, "Ada", None][-len(source.segments) :]
    named = write_labels(labels(source.segments, *people), source=source)
    read = read_document(io.StringIO(named)).segments
    assert [one.label for one in read] == [
        speaker or one.label for one, speaker in zip(source.segments, people, strict=True)
    ]
    assert [one.text for one in read] == [one.text for one in source.segments]
    # Lines only change where the count of tiers and the text are, and at the end.
    before, after = source.text.splitlines(), named.splitlines()
    assert sum(one != other for one, other in zip(before, after, strict=False)) == 2
    path = tmp_path / name
    path.write_text(named, encoding="utf-8")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    assert len(grid.tierNames) == len(re.findall("IntervalTier|TextTier", source.text)) + 1
    moved = grid.getTier("Ada")
    assert (moved.minTimestamp, moved.maxTimestamp) == (0, 5.25)


def test_new_grids(tmp_path: Path) -> None:
    """Turns of one speaker that overlap are in two tiers; praatio renames the second."""
    path = tmp_path / "talk.TextGrid"
    path.write_text(write_labels(labels(TURNS, "Ada", "Ada", None), "textgrid"), encoding="utf-8")
    grid = textgrid.openTextgrid(
        str(path), includeEmptyIntervals=False, duplicateNamesMode="rename"
    )
    found = [[tuple(entry) for entry in grid.getTier(name).entries] for name in grid.tierNames]
    assert found == [
        [(0.5, 2, 'Hi, "you" & <me>')], [(1, 3, "speech")], [(3, 4.5, "Bye")],
    ]  # fmt: skip
    assert grid.tierNames[0] == "Ada"


@pytest.mark.parametrize("output", ["short_textgrid", "long_textgrid"])
def test_grids_of_praatio(output: Any, tmp_path: Path) -> None:
    grid = textgrid.Textgrid()
    grid.addTier(textgrid.IntervalTier("Ann", [(0.5, 2, 'a "b"'), (3, 4, "c")], 0, 5))
    grid.addTier(textgrid.PointTier("bell", [(1, "ding")], 0, 5))
    path = tmp_path / "talk.TextGrid"
    grid.save(str(path), format=output, includeBlankSpaces=True)
    assert read_segments(path) == [Turn(0.5, 2, "Ann", 'a "b"'), Turn(3, 4, "Ann", "c")]


GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", 'found the end of the file, expected "ooTextFile"'),
        ('"ooTextFile" "Sound"', "found 'Sound', expected \"TextGrid\""),
        (f"{GRID} 1e9", "line 3: found '1e9', expected the number of tiers"),
        (f'{GRID} 999999999 "IntervalTier" "x" 0 1 999999999', "found the end of the file"),
        (f'{GRID} 1 "PitchTier"', "found the tier 'PitchTier'"),
        (f'{GRID} 1 "IntervalTier" "x" 0 1 1 0 "y"', "expected the end of an interval"),
    ],
)
def test_what_is_no_grid(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_segments(io.StringIO(text), "textgrid")


def test_no_tiers() -> None:
    assert read_segments(io.StringIO(GRID.replace("<exists>", "<absent>")), "textgrid") == []


def test_annotations_of_top_tiers() -> None:
    assert read_segments(SAMPLES / "talk.eaf") == [
        Turn(0.5, 2, "Ann", "you & me"),
        Turn(1.5, 3.25, "B_Transcription", "yes"),
        Turn(4, 6, "Ann", ""),
    ]


def test_a_participant_takes_the_name() -> None:
    source = sample("talk.eaf")
    named = write_labels(labels(source.segments, "Ada", "Bob & Co", "Ada"), source=source)
    expected = source.text.replace(
        'PARTICIPANT="Ann" TIER_ID="A_T', 'PARTICIPANT="Ada" TIER_ID="A_T'
    )
    assert named == expected.replace('PARTICIPANT=" "', 'PARTICIPANT="Bob &amp; Co"')


def test_annotations_move_with_what_depends_on_them(tmp_path: Path) -> None:
    source = sample("talk.eaf")
    named = write_labels(labels(source.segments, "Ada", None, None), source=source)
    assert [one.label for one in read_document(io.StringIO(named)).segments] == [
        "Ada", "B_Transcription", "Ann",
    ]  # fmt: skip
    path = tmp_path / "talk.eaf"
    path.write_text(named, encoding="utf-8")
    read = Eaf(str(path))
    tiers = {name: sorted(read.tiers[name][0] | read.tiers[name][1]) for name in read.tiers}
    assert tiers == {
        "A_Transcription": ["a2"], "A_Words": [], "A_Gloss": [], "A_Translation": ["a6"],
        "B_Transcription": ["a7"], "A_Transcription Ada": ["a1"], "A_Words Ada": ["a3", "a4"],
        "A_Gloss Ada": ["a5"],
    }  # fmt: skip
    parents = {name: read.tiers[name][2].get("PARENT_REF") for name in read.tiers}
    assert parents["A_Words Ada"] == "A_Transcription Ada"
    assert parents["A_Gloss Ada"] == "A_Words Ada"
    text = source.text
    assert sorted(re.findall("<ANNOTATION_VALUE.*", named)) == sorted(
        re.findall("<ANNOTATION_VALUE.*", text)
    )


def test_new_documents_of_elan(tmp_path: Path) -> None:
    path = tmp_path / "talk.eaf"
    path.write_text(write_labels(labels(TURNS, "Ada", "Ada", None), "elan"), encoding="utf-8")
    read = Eaf(str(path))
    found = {name: read.get_annotation_data_for_tier(name) for name in read.get_tier_names()}
    assert found == {
        "Ada": [(500, 2000, 'Hi, "you" & <me>')],
        "Ada 2": [(1000, 3000, "")],
        "<NA>": [(3000, 4500, "Bye")],
    }


def test_documents_of_pympi(tmp_path: Path) -> None:
    made = Eaf()
    made.add_tier("Ann")
    made.add_annotation("Ann", 500, 2000, "a < b")
    made.add_tier("x", part="Bob")
    made.add_annotation("x", 1000, 1500)
    path = tmp_path / "talk.eaf"
    made.to_file(str(path))
    assert read_segments(path) == [Turn(0.5, 2, "Ann", "a < b"), Turn(1, 1.5, "Bob", "")]


ENTITIES = "".join(
    f'<!ENTITY {name} "{10 * f"&{before};"}">' for before, name in pairwise("abcdefghi")
)
BOMB = (
    f'<?xml version="1.0"?>\n<!DOCTYPE ANNOTATION_DOCUMENT [<!ENTITY a "ha">{ENTITIES}]>\n'
    "<ANNOTATION_DOCUMENT><TIER TIER_ID='&i;'/></ANNOTATION_DOCUMENT>"
)
SLOT = '<ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="{}"/></TIME_ORDER>'
TIER = (
    '<TIER TIER_ID="x"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="a"'
    ' TIME_SLOT_REF2="b"/></ANNOTATION></TIER></ANNOTATION_DOCUMENT>'
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "line 2: found a document type definition"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "found a document type definition"),
        ("<svg/>", "line 1: found 'svg', expected ANNOTATION_DOCUMENT"),
        ("<ANNOTATION_DOCUMENT>\n<TIER>", "line 2, column 7: found invalid XML, no element"),
        ('<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="PAL-frames"/>', "the time unit 'PAL-frames'"),
        (SLOT.format("1.5"), "line 1: found the time '1.5', expected whole milliseconds"),
        (SLOT.format("1") + TIER, "annotation 'a1' has no times: align it in ELAN"),
        ("<ANNOTATION_DOCUMENT>&x;</ANNOTATION_DOCUMENT>", "undefined entity"),
    ],
)
def test_what_is_no_document_of_elan(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_segments(io.StringIO(text), "elan")


@pytest.mark.parametrize("name", ["textgrid", "elan"])
@pytest.mark.parametrize("speaker", ["<NA>", " ", "a\nb"])
def test_names_that_no_tier_can_have(name: str, speaker: str) -> None:
    with pytest.raises(FormatError, match=f"cannot be written as {name}"):
        write_labels(labels(TURNS[:1], speaker), name)


@pytest.mark.parametrize("name", ["textgrid", "elan"])
def test_turns_without_length(name: str) -> None:
    with pytest.raises(FormatError, match=r"segment 0: found .* an end after the start"):
        write_labels(labels([Turn(1, 1.0000001)], "Ada"), name)
