"""SubStation Alpha, with pysubs2 as the other reader and writer."""

from __future__ import annotations

import io
from pathlib import Path

import pysubs2
import pytest
from pgvoice_testkit.stores.labelled_turns import labels

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.reading import read_document, read_segments
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn

SAMPLES = Path(__file__).parents[1] / "samples"
versions = pytest.mark.parametrize("name", ["ass", "ssa"])


def test_what_is_said() -> None:
    assert read_segments(SAMPLES / "talk.ass") == [
        Turn(1, 2.5, "Ann", "Well, yes,\nand no"),
        Turn(3, 4.25, None, "nobody's"),
    ]


def test_only_names_change() -> None:
    source = read_document(SAMPLES / "talk.ass")
    named = write_labels(labels(source.segments, "Zoë L", "Bob"), source=source)
    expected = source.text.replace("Default,Ann,", "Default,Zoë L,")
    assert named == expected.replace("Default, ,0,0,0,Banner", "Default,Bob,0,0,0,Banner")
    read = pysubs2.SSAFile.from_string(named)
    assert [(one.name, one.type) for one in read] == [
        ("Editor", "Comment"), ("Zoë L", "Dialogue"), ("Bob", "Dialogue"),
    ]  # fmt: skip


@versions
def test_what_the_library_writes(name: str) -> None:
    made = pysubs2.SSAFile()
    made.append(pysubs2.SSAEvent(start=1000, end=2500, text="{\\b1}Hi{\\b0}, you", name="Ann"))
    read = read_document(io.StringIO(made.to_string(name)))
    assert (read.format.name, read.segments) == (name, (Turn(1, 2.5, "Ann", "Hi, you"),))


@versions
def test_what_the_library_reads(name: str) -> None:
    turns = [Turn(0.5, 3601.239, "S0", "a {b}, c\n\nd"), Turn(3, 4)]
    text = write_labels(labels(turns, "Zoë", None), name)
    first, second = pysubs2.SSAFile.from_string(text, format_=name)
    assert (first.start, first.end, first.name) == (500, 3601240, "Zoë")
    assert (second.name, second.plaintext) == ("", "")
    assert read_segments(io.StringIO(text))[0].text == "a {b}, c\nd"


@versions
@pytest.mark.parametrize("speaker", ["Lovelace, Ada", "a\nb", " "])
def test_names_that_it_cannot_hold(name: str, speaker: str) -> None:
    with pytest.raises(FormatError, match=f"cannot be written as {name}"):
        write_labels(labels([Turn(0, 1)], speaker), name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[Script Info]\n", r"found no \[Events\]"),
        ("[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,x", "line 2: .* expected a Format line"),
        ("[Events]\nFormat: Start, End, Text\nDialogue: 1,2,x", "expected a Format line with"),
        ("[Events]\nFormat: Start, End, Name, Text\nDialogue: 1,2,x", "expected 4 fields"),
        ("[Events]\nFormat: Start, End, Name, Text\nDialogue: 1,x,x,x", "expected times such as"),
    ],
)
def test_what_is_no_script(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_segments(io.StringIO(text), "ass")
