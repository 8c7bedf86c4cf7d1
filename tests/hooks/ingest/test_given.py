"""Which recordings paths of several kinds have, what they are called, and what lies beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from pgvoice.hooks import FormatError
from pgvoice.hooks.ingest.given import Given
from pgvoice.hooks.ingest.manifest import ManifestRow


def _files(folder: Path, names: str) -> None:
    for name in names.split():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")


def _shown(rows: Iterable[ManifestRow], folder: Path) -> list[tuple[str, str | None, str | None]]:
    def within(path: object) -> str | None:
        return None if path is None else Path(str(path)).relative_to(folder).as_posix()

    return [(row.video, within(row.audio), within(row.segments)) for row in rows]


def test_a_folder_of_recordings_with_or_without_their_segments(tmp_path: Path) -> None:
    names = (
        "talk.mp3 talk.rttm talk.vtt b/talk.WAV b/talk.json b/talk.srt whisper.mp3 whisper.mp3.json"
        " alone.flac lonely.rttm twice.mp3 twice.mp4 twice.srt notes.pdf .hidden.mp3 .git/x.mp3"
        " noted.ogg noted.txt"
    )
    _files(tmp_path, names)
    given = Given([tmp_path])
    assert _shown(given, tmp_path) == [
        ("alone", "alone.flac", None),
        ("noted", "noted.ogg", None),
        ("talk", "talk.mp3", "talk.rttm"),
        ("whisper", "whisper.mp3", "whisper.mp3.json"),
        ("b/talk", "b/talk.WAV", "b/talk.json"),
    ]
    assert given.left_out() == [
        "twice.mp3, twice.mp4: several audio files with one name",
        "lonely.rttm: no audio beside it",
    ]
    assert (given.name, given.is_one) == (tmp_path.name, False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=r"has no recordings: .* end in \.wav, \.flac"):
        list(Given([tmp_path / "empty"]))


def test_labels_of_audacity_are_segments_and_other_text_is_not(tmp_path: Path) -> None:
    _files(tmp_path, "talk.mp3 talk.txt other.mp3 other.txt")
    (tmp_path / "talk.txt").write_text("0.000000\t2.500000\tS0\n")
    (tmp_path / "other.txt").write_text("In this episode we talk about the sea.\n")
    assert _shown(Given([tmp_path]), tmp_path) == [
        ("other", "other.mp3", None),
        ("talk", "talk.mp3", "talk.txt"),
    ]


def test_a_single_recording_is_called_by_its_name_or_as_one_says(tmp_path: Path) -> None:
    _files(tmp_path, "talk.mp3 talk.mp4 talk.mp3.json other.rttm strange.bin")
    (row,) = Given([tmp_path / "talk.mp3"])
    assert (row.video, row.source) == ("talk", str(tmp_path / "talk.mp3.json"))
    assert [row.source for row in Given([tmp_path / "talk.mp4"])] == [None]
    assert [row.video for row in Given([tmp_path / "strange.bin"])] == ["strange"]
    given = Given([tmp_path / "talk.mp3"], "council 7")
    assert ([row.video for row in given], given.name, given.is_one) == (["council 7"], "talk", True)
    with pytest.raises(FormatError, match=r"other\.rttm says who speaks, and is no recording"):
        list(Given([tmp_path / "other.rttm"]))


def test_paths_of_several_kinds(tmp_path: Path) -> None:
    _files(tmp_path, "talk.mp3 season/one.mp3 season/one.srt list/x.mp3")
    manifest = tmp_path / "list" / "m.csv"
    manifest.write_text("video,audio,segments\nx,x.mp3,\ny,,\n")
    given = Given([tmp_path / "season", tmp_path / "talk.mp3", manifest])
    expected = [
        ("one", "season/one.mp3", "season/one.srt"),
        ("talk", "talk.mp3", None),
        ("x", "list/x.mp3", None),
        ("y", None, None),
    ]
    assert _shown(given, tmp_path) == expected == _shown(given, tmp_path)
    assert given.name == "season"


def test_two_recordings_with_one_key_are_an_error_that_names_both(tmp_path: Path) -> None:
    _files(tmp_path, "a/talk.mp3 b/talk.wav")
    one, other = tmp_path / "a" / "talk.mp3", tmp_path / "b"
    with pytest.raises(FormatError, match="would both be called 'talk': give each a name") as found:
        list(Given([one, other]))
    assert str(one) in str(found.value)
    assert str(other / "talk.wav") in str(found.value)
    assert len(list(Given([one, tmp_path / "a"]))) == 1
    (tmp_path / "m.csv").write_text("video,audio,segments\ntalk,a/talk.mp3,who.rttm\n")
    with pytest.raises(FormatError, match=r"talk\.mp3 with no file of segments and .* with .*rttm"):
        list(Given([one, tmp_path / "m.csv"]))
