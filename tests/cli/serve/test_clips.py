"""``/clips``: spans of recordings as WAV, whole and in parts, for those who have come in."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import soundfile
from pgvoice_testkit.audio.sounds import RATE, silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.serving import client, stranger
from starlette.testclient import TestClient

from pgvoice.hooks import fill
from pgvoice.store import VoiceStore

CLIP = "/clips?video=talk&start=0.5&end=1.5"
#: Bytes of that clip: a header of 44, and a second of 16 bits.
LENGTH = 44 + 2 * RATE


@pytest.fixture
def talk(store: VoiceStore, tmp_path: Path) -> Path:
    """Two seconds of speech, eight of silence; filled as ``talk``."""
    path = write(tmp_path / "talk.wav", voice(110, 2), silence(8))
    fill(store, CountingEncoder(), video="talk", audio=path, segments=[(0, 2)])
    return path


@pytest.fixture
def browser(store: VoiceStore, talk: Path) -> TestClient:
    return client(store)


def test_a_clip_is_a_wav_file(browser: TestClient) -> None:
    answer = browser.get(CLIP)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-length"] == str(LENGTH)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-cache"
    riff = answer.content
    assert (riff[:4], riff[8:12]) == (b"RIFF", b"WAVE")
    assert int.from_bytes(riff[4:8], "little") == LENGTH - 8
    assert int.from_bytes(riff[40:44], "little") == LENGTH - 44
    info = soundfile.info(io.BytesIO(riff))
    assert (info.frames, info.channels, info.subtype) == (RATE, 1, "PCM_16")
    around = browser.get(f"{CLIP}&context=0.25")
    assert len(around.content) == 44 + 3 * RATE


#: What is asked for, the status, and which bytes are sent.
RANGES = [
    ("bytes=0-", 206, 0, LENGTH),
    ("bytes=0-43", 206, 0, 44),
    ("bytes=100-100", 206, 100, 101),
    ("bytes=-10", 206, LENGTH - 10, LENGTH),
    ("bytes=-999999999", 206, 0, LENGTH),
    ("bytes=44-999999999", 206, 44, LENGTH),
    (f"bytes={LENGTH - 1}-", 206, LENGTH - 1, LENGTH),
    (f"bytes={LENGTH}-", 416, 0, 0),
    ("bytes=-0", 416, 0, 0),
    # What is no single range is as if it were not there.
    ("bytes=5-2", 200, 0, LENGTH),
    ("bytes=-", 200, 0, LENGTH),
    ("bytes=0-1,3-4", 200, 0, LENGTH),
    ("bytes=a-b", 200, 0, LENGTH),
    (f"bytes={'9' * 400}-", 200, 0, LENGTH),
    ("samples=0-1", 200, 0, LENGTH),
]


def test_ranges(browser: TestClient) -> None:
    whole = browser.get(CLIP).content
    for asked, status, first, stop in RANGES:
        answer = browser.get(CLIP, headers={"Range": asked})
        assert (answer.status_code, asked) == (status, asked)
        assert answer.content == whole[first:stop]
        assert answer.headers["content-length"] == str(stop - first)
        told = {206: f"bytes {first}-{stop - 1}/{LENGTH}", 416: f"bytes */{LENGTH}", 200: None}
        assert answer.headers.get("content-range") == told[status]


def test_what_a_browser_has_is_not_sent_again(browser: TestClient) -> None:
    head = browser.head(CLIP, headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(LENGTH)
    etag = head.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = browser.get(CLIP, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert browser.get(CLIP, headers={"If-None-Match": '"other"'}).status_code == 200
    for known, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200)):
        answer = browser.get(CLIP, headers={"Range": "bytes=0-1", "If-Range": known})
        assert answer.status_code == status


REFUSED = [
    ("video=talk&start=0&end=61", 422, "is too long: give 60 s at most"),
    ("video=talk&start=0&end=9", 404, "no turn and no stored segment is near"),
    ("video=talk&start=1&end=1", 422, "span"),
    ("video=talk&start=-1&end=1", 422, "span"),
    ("video=talk&start=nan&end=1", 422, "nan"),
    ("video=talk&start=0&end=1e400", 422, "inf"),
    ("video=talk&start=0&end=1&context=2", 422, "context"),
    ("video=talk&start=0", 422, "end"),
    ("video=none&start=0&end=1", 404, "no video 'none'"),
    ("start=0&end=1", 422, "video"),
    ("video=..%2F..%2Fetc%2Fpasswd&start=0&end=1", 404, "no video '../../etc/passwd'"),
    ("video=%2Fetc%2Fpasswd&start=0&end=1", 404, "no video '/etc/passwd'"),
    ("video=a%00b&start=0&end=1", 404, "no video"),
    ("video=a%0D%0ASet-Cookie:+x&start=0&end=1", 404, "no video"),
]


def test_what_is_refused_is_told(browser: TestClient) -> None:
    for query, status, told in REFUSED:
        answer = browser.get(f"/clips?{query}")
        assert (answer.status_code, query) == (status, query)
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-type"] == "application/problem+json"
        assert told in answer.json()["detail"]
        page = browser.get(f"/clips?{query}", headers={"Accept": "text/html"})
        assert page.status_code == status
        assert "<h1>" in page.text


def test_a_missing_or_changed_file_is_a_sentence(browser: TestClient, talk: Path) -> None:
    talk.write_bytes(talk.read_bytes()[:-2])
    changed = browser.get(CLIP)
    assert changed.status_code == 404
    talk.unlink()
    missing = browser.get(CLIP)
    assert missing.status_code == 404
    assert missing.json()["detail"].startswith("talk.wav is missing, which 'talk' was filled from")
    assert str(talk.parent) not in missing.text


def test_clips_are_for_those_who_have_come_in(store: VoiceStore, talk: Path) -> None:
    answer = stranger(store).get(CLIP)
    assert answer.status_code == 401
    assert "RIFF" not in answer.text


def test_a_failed_request_takes_no_place(browser: TestClient) -> None:
    for _ in range(100):
        assert browser.get("/clips?video=none&start=0&end=1").status_code == 404
    assert browser.get(CLIP).status_code == 200
