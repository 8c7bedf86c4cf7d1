"""``write_labels``: what it keeps, what it names, and which names a format refuses."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from pgvoice_testkit.stores.labelled_turns import labels, unasked

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.reading import SegmentsDocument, read_document, read_segments
from pgvoice.hooks.formats.writing import save_labels, write_labels
from pgvoice.store.turns import Turn

SPANS = [Turn(0.5, 2, "S0", "Hi."), Turn(3, 4.5)]


def document(text: str, name: str, uri: str | None = None) -> SegmentsDocument:
    return read_document(io.StringIO(text, newline=""), name, uri)


def whisperx(*words: dict[str, object], **more: object) -> str:
    first = {"start": 0, "end": 2, "text": "a", "speaker": "S0", "words": list(words)} | more
    return json.dumps({"segments": [first, {"start": 1.5, "end": 4}], "x": {"y": [1]}}, indent=2)


def test_json_keeps_what_it_does_not_know() -> None:
    text = '[\n [0, 1],\n {"start": 1, "end": 2, "speaker": 7, "x": [1, {"y": 1e-7}]}, [2, 3]]'
    source = document(text, "json")
    assert json.loads(write_labels(unasked(source.segments), source=source)) == json.loads(text)
    named = write_labels(labels(source.segments, "Ada", "Bob", None), source=source)
    assert json.loads(named) == [
        {"start": 0, "end": 1, "speaker": "Ada"},
        {"start": 1, "end": 2, "speaker": "Bob", "x": [1, {"y": 1e-7}], "diarizer_label": 7},
        [2, 3],
    ]


def test_the_label_beside_the_name_is_always_the_diarizers() -> None:
    source = document(whisperx(), "whisperx")
    first = document(write_labels(labels(source.segments, "Ada", None), source=source), "whisperx")
    assert json.loads(first.text)["segments"][0]["diarizer_label"] == "S0"
    second = write_labels(labels(first.segments, "Bob", None), source=first)
    segment = json.loads(second)["segments"][0]
    assert (segment["speaker"], segment["diarizer_label"]) == ("Bob", "S0")
    nobody = write_labels(labels(first.segments, None, None), source=first)
    assert json.loads(nobody) == json.loads(source.text)


def test_a_word_is_of_whom_it_overlaps_most_with() -> None:
    words: list[dict[str, object]] = [
        {"word": "all in one", "start": 0.1, "end": 0.5, "speaker": "S0"},
        {"word": "mostly two", "start": 1.4, "end": 3, "score": 0.5},
        {"word": "as much of both", "start": 1.6, "end": 1.9},
        {"word": "nowhere", "start": 8, "end": 9},
        {"word": "7"},
    ]
    source = document(whisperx(*words), "whisperx")
    found = json.loads(write_labels(labels(source.segments, "Ada", "Bob"), source=source))
    named = found["segments"][0]["words"]
    assert [word["speaker"] for word in named] == ["Ada", "Bob", "Ada", "Ada", "Ada"]
    assert named[0]["diarizer_label"] == "S0"
    assert named[1] == words[1] | {"speaker": "Bob"}
    assert found["x"] == {"y": [1]}


def test_words_of_a_segment_without_a_name_stay() -> None:
    source = document(whisperx({"word": "a", "start": 0, "end": 1, "speaker": "S0"}), "whisperx")
    named = write_labels(labels(source.segments, None, "Bob"), source=source)
    assert json.loads(named)["segments"][0] == json.loads(source.text)["segments"][0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"start": 0, "start": 0, "end": 1}]', "the key 'start' twice"),
        ('[{"start": 0, "end": 1, "x": 1e400}]', "found 1e400, a number that is too large"),
    ],
)
def test_json_that_would_not_come_back_as_it_was(text: str, message: str) -> None:
    source = document(text, "json")
    with pytest.raises(FormatError, match=message):
        write_labels(unasked(source.segments), source=source)


RTTM = (
    ";; a comment\r\nSPKR-INFO talk 1 <NA> <NA> <NA> unknown S0 <NA>\r\n"
    "SPEAKER talk 1  0.5000\t1.5 <NA> <NA> S0 0.9 <NA>\r\nSPEAKER show 1 9 1 <NA> <NA> S0 <NA>\r\n"
)


def test_rttm_changes_one_field_of_one_recording() -> None:
    source = document(RTTM, "rttm", "talk")
    named = write_labels(labels(source.segments, "Ada B"), source=source)
    assert named == RTTM.replace("<NA> S0 0.9", "<NA> Ada_B 0.9")


def test_rttm_refuses_two_people_of_one_name() -> None:
    with pytest.raises(FormatError, match=r"segment 1: .* it would be the same as 'Ada B'"):
        write_labels(labels(SPANS, "Ada B", "Ada_B"), "rttm")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vtt", "WEBVTT\n\n00:00.500 --> 00:02.000\n<v Ann>Hi</v> <v.loud Bob>Ho</v>\n"),
        ("vtt", "WEBVTT\n\n00:00.500 --> 00:02.000\n<i>[Ann]: Hi</i>\n[Bob]: Ho\n"),
        ("srt", "1\r\n00:00:00,500 --> 00:00:02,000\r\n[Ann]: Hi\r\n<i>[Bob]:  Ho</i>\r\n"),
    ],
)
def test_a_cue_with_several_voices_keeps_them(name: str, text: str) -> None:
    source = document(text, name)
    assert source.segments == (Turn(0.5, 2, "Ann", "Hi"), Turn(0.5, 2, "Bob", "Ho"))
    assert write_labels(unasked(source.segments), source=source) == text
    one = write_labels(labels(source.segments, None, "Zoë"), source=source)
    assert one == text.replace("Bob", "Zoë")
    both = write_labels(labels(source.segments, "Bob", "Ann"), source=source)
    assert [each.label for each in document(both, name).segments] == ["Bob", "Ann"]
    same = document(write_labels(labels(source.segments, "Zoë", "Zoë"), source=source), name)
    assert [each.label for each in same.segments] == ["Zoë"]
    assert same.text.count("Zoë") == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_cues_without_text(name: str, end: str) -> None:
    text = "1\n00:00:00,000 --> 00:00:01,000\n\n2\n00:00:02,000 --> 00:00:03,000"
    text = ("WEBVTT\n\n" if name == "vtt" else "") + text
    source = document(text.replace("\n", end), name)
    named = write_labels(labels(source.segments, "Ada", "Bob"), source=source)
    read = read_segments(io.StringIO(named, newline=""), name)
    assert [(one.label, one.text) for one in read] == [("Ada", ""), ("Bob", "")]
    assert ("\n" in named) == ("\n" in end)


HOSTILE = ["a\nb", "a\0b", "a\rb", "a\u2028b", " ", "\x85", "a\x1bb"]


@pytest.mark.parametrize("speaker", HOSTILE)
@pytest.mark.parametrize("name", ["rttm", "srt", "vtt"])
def test_names_that_break_lines_are_refused(name: str, speaker: str) -> None:
    with pytest.raises(FormatError, match=f"segment 0: the name .* cannot be written as {name}"):
        write_labels(labels(SPANS, speaker, None), name)


@pytest.mark.parametrize("speaker", [*HOSTILE, "\ud800", "a --> b", "<v x>", '"\\', "\u202eabc"])
@pytest.mark.parametrize("name", ["json", "whisperx"])
def test_json_takes_every_name(name: str, speaker: str) -> None:
    written = write_labels(labels(SPANS, speaker, None), name)
    assert written.encode()
    found = json.loads(written)
    segments = found if name == "json" else found["segments"]
    assert (segments[0]["speaker"], segments[0]["diarizer_label"]) == (speaker, "S0")


MARKED = ["a --> b", "<v x>", "Tom & Jerry", "&lt;", "[x]: y", "{\\an8}", "<NA>", '"a', "\u202eabc"]


@pytest.mark.parametrize("speaker", MARKED)
@pytest.mark.parametrize("name", ["rttm", "srt", "vtt"])
def test_names_with_marks_come_back_or_are_refused(name: str, speaker: str) -> None:
    refused = {"rttm": {"<NA>", '"a'}, "srt": {"a --> b", "<v x>", "[x]: y", "{\\an8}", "<NA>"}}
    if speaker in refused.get(name, set()):
        with pytest.raises(FormatError, match="cannot be written"):
            write_labels(labels(SPANS, speaker, None), name)
        return
    first = read_segments(io.StringIO(write_labels(labels(SPANS, speaker, None), name)), name)[0]
    assert first.label == (speaker.replace(" ", "_") if name == "rttm" else speaker)


@pytest.mark.parametrize("name", ["json", "whisperx", "rttm", "srt", "vtt"])
@pytest.mark.parametrize("other", ["json", "whisperx", "rttm", "srt", "vtt"])
def test_from_every_format_to_every_other(name: str, other: str) -> None:
    source = document(write_labels(labels(SPANS, "Ada", None), name), name)
    written = write_labels(labels(source.segments, "Ada", "Bob"), other, source=source)
    read = read_segments(io.StringIO(written), other)
    assert [(one.start, one.end, one.label) for one in read] == [(0.5, 2, "Ada"), (3, 4.5, "Bob")]
    said = None if "rttm" in (name, other) else "Hi."
    assert (read[0].text or None) == said


def test_labels_of_other_segments() -> None:
    source = document("[[0, 1]]", "json")
    with pytest.raises(FormatError, match="found 2 labels for 1 segments"):
        write_labels(labels(SPANS, None, None), source=source)
    with pytest.raises(FormatError, match=r"segment 0: found \(0.5, 2\), expected the label of"):
        write_labels(labels(SPANS[:1], None), source=source)


def test_what_is_no_span_of_time() -> None:
    with pytest.raises(FormatError, match=r"written as rttm, segment 0: found .*an end after it"):
        write_labels(labels([Turn(2, 1)], "Ada"), "rttm")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_keeps_its_bytes(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    path.write_bytes("1\r\n00:00:00,000 --> 00:00:01,000\r\n[Zoë]: hi\r\n".encode(encoding))
    source = read_document(path)
    save_labels(unasked(source.segments), tmp_path / "again.srt", source=source)
    assert (tmp_path / "again.srt").read_bytes() == path.read_bytes()


def test_a_file_that_is_there_stays_unless_it_is_to_go(tmp_path: Path) -> None:
    path, link = tmp_path / "talk.json", tmp_path / "link.json"
    path.write_text("precious")
    path.chmod(0o640)
    link.symlink_to(path)
    for place in (path, link):
        with pytest.raises(FormatError, match=r"exists: choose another file, or overwr"):
            save_labels(labels(SPANS, "Ada", None), place)
        assert path.read_text() == "precious"
    save_labels(labels(SPANS, "Ada", None), link, overwrite=True)
    assert (read_segments(link)[0].label, path.read_text()) == ("Ada", "precious")
    save_labels(labels(SPANS, "Bob", None), path, overwrite=True)
    assert read_segments(path)[0].label == "Bob"
    assert (link.is_symlink(), path.stat().st_mode & 0o777) == (False, 0o640)
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_a_file_is_whole_or_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "talk.json"
    path.write_text("precious")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pgvoice.hooks.new_files.os.fsync", full)
    for place, overwrite in ((path, True), (tmp_path / "new.json", False)):
        with pytest.raises(FormatError, match=r"cannot write .*: No space left on device"):
            save_labels(labels(SPANS, "Ada", None), place, overwrite=overwrite)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_taken_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on file systems without links."""
    path = tmp_path / "talk.json"
    monkeypatch.setattr("pgvoice.hooks.new_files.os.fsync", lambda _: path.write_text("other"))
    with pytest.raises(FormatError, match=r"talk\.json exists"):
        save_labels(labels(SPANS, "Ada", None), path)

    def no_links(*_paths: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pgvoice.hooks.new_files.os.link", no_links)
    path.unlink()
    with pytest.raises(FormatError, match=r"talk\.json exists"):
        save_labels(labels(SPANS, "Ada", None), path)
    assert path.read_text() == "other"
    save_labels(labels(SPANS, "Ada", None), tmp_path / "free.json")
    assert read_segments(tmp_path / "free.json")[0].label == "Ada"


def test_a_pipe_is_written_to() -> None:
    reading, writing = os.pipe()
    save_labels(labels(SPANS, "Ada", None), Path(f"/dev/fd/{writing}"), "json")
    os.close(writing)
    with os.fdopen(reading) as file:
        assert json.load(file)[0]["speaker"] == "Ada"


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "talk.rttm", tmp_path / "a\0b"):
        with pytest.raises(FormatError, match=r"cannot write .*: "):
            save_labels(labels(SPANS, "Ada", None), path, "json")
