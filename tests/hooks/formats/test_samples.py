"""Samples after the owners' documentation: recognised, kept byte by byte, and named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pgvoice_testkit.stores.labelled_turns import labels, unasked

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.documents import load_document
from pgvoice.hooks.formats.reading import (
    choose_format,
    read_document,
    read_recordings,
    read_segments,
    registered_formats,
)
from pgvoice.hooks.formats.writing import save_labels, write_labels
from pgvoice.store.turns import Turn

SAMPLES = Path(__file__).parent / "samples"
FORMATS = {
    "talk.ctm": "ctm",
    "speakers.ctm": "ctm",
    "talk.stm": "stm",
    "labels.txt": "audacity",
    "talk.eaf": "elan",
    "talk.TextGrid": "textgrid",
    "short.TextGrid": "textgrid",
    "free.TextGrid": "textgrid",
    "talk.ass": "ass",
    "talk.ssa": "ssa",
    "voices.vtt": "vtt",
}
#: Where turns of one name are read as one.
JOINED = {"voices.vtt", "speakers.ctm"}
samples = pytest.mark.parametrize("name", FORMATS)
SEGMENTS = [Turn(0.5, 2, "S0", "Hi."), Turn(3, 4.5, None, "Bye, <you> & me"), Turn(4, 6, "S0")]
#: CTM has words.
NEW = ["ass", "ssa", "rttm", "srt", "vtt", "stm", "audacity", "elan", "textgrid"]


def test_every_sample_is_here() -> None:
    files = {path.name for path in SAMPLES.iterdir() if path.is_file()}
    assert files == FORMATS.keys() | {"talk.uem", "README.md"}


@samples
def test_by_suffix_and_by_content(name: str, tmp_path: Path) -> None:
    assert choose_format(load_document(SAMPLES / name)).name == FORMATS[name]
    copy = tmp_path / "talk"
    copy.write_bytes((SAMPLES / name).read_bytes())
    assert choose_format(load_document(copy)).name == FORMATS[name]


@samples
def test_no_other_format_recognises_it(name: str) -> None:
    text = load_document(SAMPLES / name).text
    found = {each.name for each in registered_formats().values() if each.matches(text)}
    # JSON may begin with a bracket, as SubStation does, which is asked before.
    assert found - {"json"} == {FORMATS[name]}


@pytest.mark.parametrize("name", NEW)
def test_new_documents_are_recognised(name: str) -> None:
    text = write_labels(unasked(SEGMENTS), name, uri="my talk")
    found = {each.name for each in registered_formats().values() if each.matches(text)}
    assert found - {"json"} == {name}
    read = read_segments(io.StringIO(text))
    assert [(one.start, one.end, one.label) for one in read] == [
        (one.start, one.end, one.label) for one in SEGMENTS
    ]
    said = {"rttm": ["", "", ""], "srt": ["Hi.", "Bye,  & me", ""]}
    expected = said.get(name, ["Hi.", "Bye, <you> & me", "speech" if name == "textgrid" else ""])
    assert [one.text or "" for one in read] == expected


@samples
def test_nothing_is_lost(name: str, tmp_path: Path) -> None:
    recordings = read_recordings(SAMPLES / name)
    uris: list[str | None] = [*recordings] if recordings else [None]
    for uri in uris:
        source = read_document(SAMPLES / name, uri=uri)
        path = tmp_path / (uri or name)
        save_labels(unasked(source.segments), path, source.format.name, source=source)
        assert path.read_bytes() == (SAMPLES / name).read_bytes()


@samples
@pytest.mark.parametrize("people", [("Ada",), ("Ada", None), ("Ada L", "Bob")])
def test_names(name: str, people: tuple[str | None, ...], tmp_path: Path) -> None:
    recordings = read_recordings(SAMPLES / name)
    uri = next(iter(recordings)) if recordings else None
    source = read_document(SAMPLES / name, uri=uri)
    count = len(source.segments)
    given = (people * count)[:count]
    path = tmp_path / name
    save_labels(labels(source.segments, *given), path, source=source)
    again = read_document(path, uri=uri)
    assert again.encoding == source.encoding
    expected = [
        (one.start, one.end, (speaker or one.label or "").replace(" ", "_"))
        for one, speaker in zip(source.segments, given, strict=True)
    ]
    found = [(one.start, one.end, (one.label or "").replace(" ", "_")) for one in again.segments]
    if len(set(given)) == 1 and name in JOINED:
        assert {label for _, _, label in found} == {label for _, _, label in expected}
    else:
        assert sorted(found) == sorted(expected)
    assert sum(len(one.text or "") for one in again.segments) >= sum(
        len(one.text or "") for one in source.segments
    )


def test_recordings() -> None:
    found = {name: read_recordings(SAMPLES / name) for name in FORMATS}
    named = {name: list(each) for name, each in found.items() if each}
    assert named == {
        "talk.ctm": ["talk"], "speakers.ctm": ["news", "talk"], "talk.stm": ["talk", "news"],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["speakers.ctm", "talk.stm"])
def test_a_file_of_several_recordings_needs_a_uri(name: str) -> None:
    with pytest.raises(FormatError, match="file ids: found news, talk, expected one; choose it"):
        read_segments(SAMPLES / name)
    with pytest.raises(FormatError, match="file ids: found news, talk, expected 'gone'"):
        read_segments(SAMPLES / name, uri="gone")


@pytest.mark.parametrize("suffix", [".uem", ""])
def test_a_uem_file_has_no_segments(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"talk{suffix}"
    path.write_bytes((SAMPLES / "talk.uem").read_bytes())
    with pytest.raises(FormatError, match=r"is a UEM file, .* `pgvoice evaluate` .* as --uem"):
        read_segments(path)


def test_text_files_are_recognised_by_content(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    for name in FORMATS:
        path.write_bytes((SAMPLES / name).read_bytes())
        assert choose_format(load_document(path)).name == FORMATS[name]
    path.write_text("hello\n")
    with pytest.raises(FormatError, match="read as audacity, line 1: found 'hello', expected"):
        read_segments(path)


@pytest.mark.parametrize("name", ["talk", "talk.docx", "talk.mp3"])
def test_a_suffix_of_no_format_is_not_written(name: str, tmp_path: Path) -> None:
    source = read_document(SAMPLES / "talk.eaf")
    with pytest.raises(FormatError, match=r"has (no|the) suffix.*\.ass, .*\.eaf, .*\.vtt, or name"):
        save_labels(unasked(source.segments), tmp_path / name, source=source)
    assert not list(tmp_path.iterdir())
    save_labels(unasked(source.segments), tmp_path / name, "elan", source=source)
    assert (tmp_path / name).read_bytes() == (SAMPLES / "talk.eaf").read_bytes()
