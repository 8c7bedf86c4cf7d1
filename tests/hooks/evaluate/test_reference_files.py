"""Who speaks when, from files of one recording and of several, for the videos that are stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.filled import X, put

from pgvoice.hooks.errors import FormatError, NotEvaluable
from pgvoice.hooks.evaluate.reference_files import ReferenceFile, References, read_references
from pgvoice.store import Turn, VoiceStore

VIDEOS = ("talk", "my news", "a b c", "a b_c", "a_b c")


@pytest.fixture(scope="module")
def videos(server_url: str, template: str) -> Iterator[VoiceStore]:
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        for video in VIDEOS:
            put(store, video, {(0, 1): X})
        yield store


def _rttm(path: Path, *recordings: str) -> Path:
    line = "SPEAKER {} 1 {}.000 1.500 <NA> <NA> Ann <NA> <NA>\n"
    path.write_text("".join(line.format(uri, at) for at in (0, 2) for uri in recordings))
    return path


def _read(store: VoiceStore, *files: Path, video: str | None = None) -> References:
    return read_references(store, [ReferenceFile(str(file), video) for file in files])


def test_every_recording_of_an_rttm_that_is_stored(videos: VoiceStore, tmp_path: Path) -> None:
    found = _read(videos, _rttm(tmp_path / "all.rttm", "gone", "my_news", "talk", "lost"))
    turns = [Turn(0, 1.5, "Ann"), Turn(2, 3.5, "Ann")]
    assert found.turns == {"my news": turns, "talk": turns}
    (warning,) = found.left_out
    assert "all.rttm names recordings that are not in the store ('gone', 'lost')" in warning
    assert "fill them (`pgvoice fill`), or give VIDEO=FILE" in warning


def test_every_recording_of_a_json(videos: VoiceStore, tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    said = [{"start": 0, "end": 1.5, "speaker": "Ann"}, [2, 3]]
    path.write_text(json.dumps({"version": 1, "talk": said, "my news": [], "gone": said}))
    found = _read(videos, path)
    assert found.turns == {"talk": [Turn(0, 1.5, "Ann"), Turn(2, 3, None)], "my news": []}
    assert "('gone')" in found.left_out[0]
    path.write_text(json.dumps({"talk": said, "gone": [{"start": "x"}]}))
    with pytest.raises(FormatError, match=r"all\.json, 'gone', segment 0"):
        _read(videos, path)


def test_a_key_that_a_name_could_mean_two_of_is_meant_by_none(
    videos: VoiceStore, tmp_path: Path
) -> None:
    assert videos.recordings.stored(["a_b_c", "a b_c", "a_b c", "nul\0", "talk"]) == {
        "a b_c": "a b_c", "a_b c": "a_b c", "talk": "talk",
    }  # fmt: skip


def test_none_of_them_is_stored(videos: VoiceStore, tmp_path: Path) -> None:
    path = _rttm(tmp_path / "all.rttm", *(f"v{number}" for number in range(7)))
    with pytest.raises(NotEvaluable, match=r"not in the store \('v0', .*'v4' and 2 more\)"):
        _read(videos, path)


def test_the_recording_that_was_asked_for(videos: VoiceStore, tmp_path: Path) -> None:
    several = _rttm(tmp_path / "all.rttm", "talk", "news")
    assert list(_read(videos, several, video="talk").turns) == ["talk"]
    assert len(_read(videos, several, video="talk").turns["talk"]) == 2
    with pytest.raises(FormatError, match="found news, talk, expected one"):
        _read(videos, several, video="podcast")
    one = _rttm(tmp_path / "one.rttm", "from-elsewhere")
    assert len(_read(videos, one, video="talk").turns["talk"]) == 2


def test_files_that_do_not_say_of_what_they_are(videos: VoiceStore, tmp_path: Path) -> None:
    for name, document in (
        ("list.json", "[[0, 1]]"),
        ("whisperx.json", '{"segments": [], "word_segments": []}'),
        ("plain.srt", "1\n00:00:00,000 --> 00:00:01,000\nhello\n"),
    ):
        path = tmp_path / name
        path.write_text(document)
        with pytest.raises(NotEvaluable, match=f"give VIDEO=.*{name}"):
            _read(videos, path)


def test_a_video_twice(videos: VoiceStore, tmp_path: Path) -> None:
    one, two = (_rttm(tmp_path / f"{number}.rttm", "talk") for number in (1, 2))
    with pytest.raises(NotEvaluable, match=r"'talk' is given twice: remove it from .*2.rttm"):
        _read(videos, one, two)
