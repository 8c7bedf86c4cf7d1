"""Downloads of a recording's turns, read again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import transcripts, unknown_voices
from pgvoice_testkit.stores.filled import X, put
from pgvoice_testkit.stores.transcripts import ADA
from starlette.testclient import TestClient

from pgvoice.cli.serve.pages import exporting
from pgvoice.hooks import read_segments
from pgvoice.store import Turn, VoiceStore

KEYS = (
    "a/b",
    "../../etc/passwd",
    "%2F..",
    "a b",
    "k" * 500,
    "\N{PARTY POPPER}",
    '"; x="',
    "..",
    "-rf",
)


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Two recordings, of which monday has stored labels; no test changes it."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        transcripts.library(store).labels.label(["monday"])
        yield store


@pytest.fixture(scope="module")
def page(library: VoiceStore) -> TestClient:
    return client(library)


def test_every_format_that_can_be_written_is_offered(page: TestClient) -> None:
    offered = re.findall(r'<option value="(\w+)">\w+:', page.get("/recording?video=monday").text)
    assert offered[:4] == ["vtt", "srt", "rttm", "whisperx"]
    assert offered == [each.name for each in exporting.formats()]


@pytest.mark.parametrize(
    "name", ["vtt", "srt", "rttm", "whisperx", "json", "textgrid", "elan", "stm"]
)
def test_a_download_reads_back(
    library: VoiceStore, page: TestClient, name: str, tmp_path: Path
) -> None:
    answer = page.get("/recording/export", params={"video": "monday", "format": name})
    assert answer.status_code == 200, answer.text
    (suffix,) = re.findall(r'filename="monday(\.\w+)"', answer.headers["Content-Disposition"])
    path = tmp_path / f"monday{suffix}"
    path.write_bytes(answer.content)
    found = read_segments(path, format=name)
    turns = library.recordings.turns("monday") or []
    current = library.labels.current("monday")
    named = [each.speaker or turn.label for each, turn in zip(current, turns, strict=True)]
    assert [str(each.label).replace("_", " ") for each in found] == [
        str(each).replace("_", " ") for each in named
    ]
    assert [each.start for each in found] == pytest.approx([turn.start for turn in turns])


def test_all_formats_are_written(page: TestClient) -> None:
    for each in exporting.formats():
        answer = page.get("/recording/export", params={"video": "monday", "format": each.name})
        assert answer.status_code == 200, (each.name, answer.text)
        assert answer.headers["Content-Disposition"].startswith("attachment; ")


def test_answers_as_of_now_have_unknown_voices(library: VoiceStore, page: TestClient) -> None:
    asked = {"video": "tuesday", "format": "json"}
    assert page.get("/recording/export", params=asked).status_code == 404, "no label is stored"
    found = json.loads(page.get("/recording/export", params=asked | {"answers": "now"}).text)
    number = unknown_voices.number_of(library, transcripts.RECORDINGS["tuesday"][0])
    assert {each["speaker"] for each in found} == {ADA, f"voice {number}"}
    assert found[0]["text"] == "Hello there"


def test_text_is_only_there_if_it_is_kept(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    store.recordings.store_turns("v", [Turn(0, 1, "A", "secret")])
    asked = {"video": "v", "answers": "now"}
    for each in exporting.formats():
        written = client(store).get("/recording/export", params=asked | {"format": each.name})
        assert "secret" not in written.text


def test_any_key_gives_a_safe_file_name(store: VoiceStore) -> None:
    for key in KEYS:
        put(store, key, {(0, 1): X})
    page = client(store)
    for key in KEYS:
        asked = {"video": key, "answers": "now", "format": "vtt"}
        told = page.get("/recording/export", params=asked).headers["Content-Disposition"]
        form = r"attachment; filename=\"([\w. -]+)\"; filename\*=UTF-8''([\w.%~-]+)"
        ((simple, exact),) = re.findall(form, told)
        for name in (simple, unquote(exact)):
            assert len(name.encode()) <= 200
            assert name.endswith(".vtt")
            assert not name.startswith((".", "-"))
            assert not set(name) & set('/\\"%\n')


def test_what_does_not_exist_is_refused(page: TestClient) -> None:
    assert page.get("/recording/export?video=nope").status_code == 404
    answer = page.get("/recording/export?video=monday&format=nope")
    assert answer.status_code in (404, 409, 422)
    assert "nope" in answer.text
