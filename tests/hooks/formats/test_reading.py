"""``read_segments``: paths and streams; by name, suffix or content; only `FormatError`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.json.recognition import MATCHES
from pgvoice.hooks.formats.reading import read_segments, registered_formats
from pgvoice.store.turns import Turn

DOCUMENTS = {
    "json": '[[0.5, 2], {"start": 3, "end": 4.5, "speaker": "Ann", "text": "Hi."}]',
    "whisperx": '{"segments": [{"start": 0.5, "end": 2}, {"start": 3, "end": 4.5, "words": []}]}',
    "rttm": "SPEAKER talk 1 0.5 1.5 <NA> <NA> Ann <NA> <NA>\nSPEAKER talk 1 3 1.5 x x Bob x x\n",
    "srt": "1\n00:00:00,500 --> 00:00:02,000\nHi.\n\n2\n00:00:03,000 --> 00:00:04,500\n[Ann]: a\n",
    "vtt": "WEBVTT\n\nNOTE a\n\nx\n00:00.500 --> 00:02.000\n<v Ann>Hi\n\n00:03.000 --> 00:04.500",
    "ctm": "talk 1 0.5 1 Hi 0.9 lex Ann\ntalk 1 1.6 0.4 you 0.9 lex Ann\ntalk 1 3 1.5 Bye\n",
    "stm": ";; a comment\ntalk 1 Ann 0.5 2 <o,f0,female> Hi you\ntalk 1 Bob 3 4.5 Bye\n",
    "audacity": "0.500000\t2.000000\tAnn\n\\\t100.5\t200\n3.0\t4.5\t[Bob]: Bye\n5.0\t5.0\tend\n",
    "ass": (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name\nStyle: Default\n\n"
        "[Events]\nFormat: Layer, Start, End, Style, Name, Text\n"
        "Dialogue: 0,0:00:00.50,0:00:02.00,Default,Ann,Hi, you\n"
        "Comment: 0,0:00:02.00,0:00:02.50,Default,,later\n"
        "Dialogue: 0,0:00:03.00,0:00:04.50,Default,,{\\i1}Bye\n"
    ),
    "ssa": (
        "[Script Info]\nScriptType: v4.00\n\n[V4 Styles]\nFormat: Name\nStyle: Default\n\n"
        "[Events]\nFormat: Marked, Start, End, Style, Name, Text\n"
        "Dialogue: Marked=0,0:00:00.50,0:00:02.00,Default,Ann,Hi\n"
        "Dialogue: Marked=0,0:00:03.00,0:00:04.50,Default,Bob,Bye\n"
    ),
    "elan": (
        '<?xml version="1.0"?>\n<ANNOTATION_DOCUMENT>\n<HEADER TIME_UNITS="milliseconds"/>\n'
        '<TIME_ORDER>\n<TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="500"/>\n'
        '<TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="2000"/>\n'
        '<TIME_SLOT TIME_SLOT_ID="c" TIME_VALUE="3000"/>\n'
        '<TIME_SLOT TIME_SLOT_ID="d" TIME_VALUE="4500"/>\n</TIME_ORDER>\n'
        '<TIER TIER_ID="x" PARTICIPANT="Ann">\n<ANNOTATION><ALIGNABLE_ANNOTATION'
        ' ANNOTATION_ID="a1" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b"><ANNOTATION_VALUE>Hi'
        "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n</TIER>\n"
        '<TIER TIER_ID="Bob">\n<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2"'
        ' TIME_SLOT_REF1="c" TIME_SLOT_REF2="d"><ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION>'
        "</ANNOTATION>\n</TIER>\n</ANNOTATION_DOCUMENT>\n"
    ),
    "textgrid": (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n5\n<exists>\n2\n'
        '"IntervalTier"\n"Ann"\n0\n5\n3\n0\n0.5\n""\n0.5\n2\n"Hi"\n2\n5\n""\n'
        '"IntervalTier"\n"Bob"\n0\n5\n1\n3\n4.5\n"a ""b"""\n'
    ),
}
KNOWN = ", ".join(sorted(registered_formats()))
names = pytest.mark.parametrize("name", DOCUMENTS)


def spans(segments: list[Turn]) -> list[tuple[float, float]]:
    return [(segment.start, segment.end) for segment in segments]


def test_every_format_is_here() -> None:
    assert set(DOCUMENTS) | set(MATCHES) == set(registered_formats())


@names
def test_by_suffix_by_name_and_by_content(name: str, tmp_path: Path) -> None:
    suffix = registered_formats()[name].suffixes[0].upper()
    for path, named in ((f"talk{suffix}", None), ("talk.txt", name), ("talk", None)):
        (tmp_path / path).write_text(DOCUMENTS[name])
        assert spans(read_segments(tmp_path / path, named)) == [(0.5, 2.0), (3.0, 4.5)]
    assert spans(read_segments(str(tmp_path / "talk"), format=name)) == [(0.5, 2.0), (3.0, 4.5)]


@names
def test_a_stream(name: str) -> None:
    assert len(read_segments(io.StringIO(DOCUMENTS[name]))) == 2
    assert len(read_segments(io.StringIO("\ufeff" + DOCUMENTS[name]), name)) == 2


@names
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(name: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_bytes(DOCUMENTS[name].replace("\n", "\r\n").encode(encoding))
    assert len(read_segments(path)) == 2


def test_the_error_names_file_format_and_place(tmp_path: Path) -> None:
    path = tmp_path / "talk.rttm"
    path.write_text("hello\n")
    with pytest.raises(FormatError) as caught:
        read_segments(path)
    assert str(caught.value).startswith(f"{path}, read as rttm, line 1: found 'hello', expected")


def test_a_json_file_that_is_neither(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text("hello")
    with pytest.raises(FormatError, match="read as json, line 1, column 1: found invalid JSON"):
        read_segments(path)


def test_uri_reaches_rttm() -> None:
    several = DOCUMENTS["rttm"] + "SPEAKER show 1 9 1 <NA> <NA> Ann <NA> <NA>"
    assert read_segments(io.StringIO(several), uri="show") == [Turn(9, 10, "Ann")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"[[0, 1],\n\xe9]", "read as json, line 2, column 1: found invalid JSON"),
        (b"[[0, 1],\n\x81\x8d\x00", "line 2: found the byte 0x81, expected text in utf-8"),
        (b"\xff\xfe[", "expected text in utf-16"),
        (b"hello", f"matches no known format; choose one of: {KNOWN}"),
        (b"\x00\x01\x02", "matches no known format"),
    ],
)
def test_what_cannot_be_read(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as caught:
        read_segments(path)
    assert str(path) in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"cannot read .*absent\.json: No such file"):
        read_segments(tmp_path / "absent.json")
    with pytest.raises(FormatError, match=r"cannot read .*: Is a directory"):
        read_segments(tmp_path)
    with pytest.raises(FormatError, match="is not a path"):
        read_segments("a\0b")


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(FormatError, match=f"'nope'; choose one of: {KNOWN}"):
        read_segments(io.StringIO("x"), "nope")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_stream_of_other_bytes(errors: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"[[0, 1]] \xe9"), encoding="utf-8", errors=errors)
    with pytest.raises(FormatError, match=r"expected UTF-8|expected text in utf-8"):
        read_segments(stream)


def read_or_refuse(name: str | None, text: str) -> None:
    message = ""
    try:
        read_segments(io.StringIO(text), name)
    except FormatError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 500


PIECES = st.text(max_size=6) | st.sampled_from(
    [
        "\n",
        "\n\n",
        "-->",
        " ",
        ":",
        ",",
        "[",
        "{",
        "]",
        '"',
        "<v ",
        ">",
        "nan",
        "9",
        "-",
        "\0",
        "<NA>",
    ]
)


@names
@settings(max_examples=300, deadline=None)
@given(text=st.text())
def test_any_text(name: str, text: str) -> None:
    read_or_refuse(name, text)
    read_or_refuse(None, text)


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.sampled_from(["segments", "start", "end", "speaker", "label", "text", "words"])
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), nested))
def test_any_json(found: object) -> None:
    for name in ("json", "whisperx", None):
        read_or_refuse(name, json.dumps(found))


@names
@settings(max_examples=400, deadline=None)
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), PIECES), max_size=4))
@example(edits=[(0.5, 1000, "")])
def test_damaged_documents(name: str, edits: list[tuple[float, int, str]]) -> None:
    text = DOCUMENTS[name]
    for place, deleted, inserted in edits:
        at = int(place * len(text))
        text = text[:at] + inserted + text[at + deleted :]
    read_or_refuse(name, text)
    read_or_refuse(None, text)
