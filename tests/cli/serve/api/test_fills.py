"""Fills over HTTP: one at a time, followed while they run, and computing only what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pgvoice_testkit.audio.sounds import voice
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.waiting_encoder import WaitingEncoder
from pgvoice_testkit.segmenters import registering
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter
from pgvoice_testkit.serving import client
from starlette.testclient import TestClient

from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import RegisteredEncoder
from pgvoice.hooks.fill.jobs import MOST_QUEUED
from pgvoice.store import VoiceStore

API = "/api/v1"
SEGMENTS = [
    {"start": 0.0, "end": 1.0, "label": "A"},
    {"start": 1.5, "end": 3.0, "label": "B"},
    {"start": 3.0, "end": 4.0, "label": "A", "text": "Yes."},
]
RTTM = (
    "SPEAKER talk 1 0.0 1.0 <NA> <NA> A <NA> <NA>\nSPEAKER talk 1 1.5 1.5 <NA> <NA> B <NA> <NA>\n"
)


@pytest.fixture
def audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which audio is found."""
    sound = np.random.default_rng(1).normal(0, 0.1, 16_000 * 5)
    for name in ("talk", "other"):
        soundfile.write(tmp_path / f"{name}.wav", sound, 16_000)
    monkeypatch.setenv("PGVOICE_AUDIO", str(tmp_path))
    return tmp_path


def _serve(store: VoiceStore, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    registered = {"waiting": RegisteredEncoder("waiting", lambda _s, _d: encoder, "a fake")}
    monkeypatch.setattr(registry, "registered_encoders", lambda: registered)
    monkeypatch.setenv(registry.ENCODER_VARIABLE, "waiting")
    return client(store)


@pytest.fixture
def filling(store: VoiceStore, encoder: CountingEncoder, audio: Path) -> Iterator[TestClient]:
    """With the only encoder that the tests of the command line have."""
    browser = client(store)
    yield browser
    _end(browser)


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> CountingSegmenter:
    """The only segmenter; its labels are people."""
    counting = CountingSegmenter()
    registering.only(monkeypatch, counting)
    return counting


def _end(browser: TestClient) -> None:
    browser.app.state.entrance.site.ending.close()  # type: ignore[attr-defined]


def _fill(browser: TestClient, video: str = "talk", **given: Any) -> dict[str, Any]:
    request = {"video": video, "segments": SEGMENTS, **given}
    answer = browser.post(f"{API}/fills", json=request)
    assert answer.status_code == 202, answer.text
    queued: dict[str, Any] = answer.json()
    assert queued["state"] in ("queued", "running", "done")
    return queued


def _events(browser: TestClient, job: int) -> list[tuple[str, dict[str, Any]]]:
    """The events of a job until it ends: their names and documents."""
    answer = browser.get(f"{API}/jobs/{job}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_fill_is_followed_and_the_second_computes_nothing(
    filling: TestClient, encoder: CountingEncoder, store: VoiceStore
) -> None:
    first = _events(filling, _fill(filling)["job"])
    state, job = first[-1]
    assert state == "done"
    assert job["report"]["filled"] == job["completed"] == job["total"] == 3
    assert sum(encoder.calls) == 3
    assert [turn.label for turn in store.recordings.turns("talk") or []] == ["A", "B", "A"]

    state, again = _events(filling, _fill(filling)["job"])[-1]
    assert state == "done"
    assert (again["report"]["hits"], again["report"]["missing"]) == (3, 0)
    assert again["report"]["encoder_calls"] == 0
    assert sum(encoder.calls) == 3
    listed = filling.get(f"{API}/jobs").json()["items"]
    assert [job["job"] for job in listed] == [again["job"], job["job"]]


def test_a_document_in_any_format_can_be_filled(
    filling: TestClient, encoder: CountingEncoder
) -> None:
    job = _fill(filling, segments={"text": RTTM})
    state, done = _events(filling, job["job"])[-1]
    assert (state, done["report"]["filled"]) == ("done", 2)
    refused = filling.post(
        f"{API}/fills", json={"video": "talk", "segments": {"text": "?", "format": "rttm"}}
    )
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:pgvoice:error:format_error"


def test_without_segments_they_are_found_and_the_job_says_how_far_it_is(
    filling: TestClient, encoder: CountingEncoder, segmenter: CountingSegmenter, audio: Path
) -> None:
    soundfile.write(audio / "voices.wav", np.concatenate([voice(110, 3), voice(310, 3)]), 16_000)
    events = _events(filling, _fill(filling, "voices", segments=None)["job"])
    state, job = events[-1]
    assert (state, job["segmented_seconds"], job["audio_seconds"]) == ("done", 6, 6)
    assert (job["report"]["filled"], job["report"]["segmenter"]) == (2, str(segmenter.identity))
    answer = filling.post(f"{API}/fills", json={"video": "voices"})
    state, again = _events(filling, answer.json()["job"])[-1]
    assert (state, again["report"]["missing"], segmenter.calls) == ("done", 0, 1)
    assert (again["segmented_seconds"], sum(encoder.calls)) == (0, 2)
    unknown = filling.post(f"{API}/fills", json={"video": "other", "segmenter": "none"})
    assert (unknown.status_code, unknown.json()["type"]) == (
        422, "urn:pgvoice:error:segmenter_unavailable"
    )  # fmt: skip
    weights = {"video": "other", "segmenter": f"pitches:{audio}"}
    assert filling.post(f"{API}/fills", json=weights).status_code == 422


def test_invalid_segments_are_named_and_the_others_filled(filling: TestClient) -> None:
    job = _fill(filling, segments=[*SEGMENTS, {"start": 2.0, "end": 1.0}])
    _, done = _events(filling, job["job"])[-1]
    assert done["report"]["filled"] == 3
    assert done["report"]["invalid"] == [{"index": 3, "why": "it ends before it starts"}]


def test_a_failure_is_a_problem_without_folders(filling: TestClient, audio: Path) -> None:
    (audio / "broken.wav").write_bytes(b"no sound")
    for video, kind in (("missing", "audio_not_found"), ("broken", "audio_unreadable")):
        state, failed = _events(filling, _fill(filling, video)["job"])[-1]
        assert state == "failed"
        assert failed["error"]["type"] == f"urn:pgvoice:error:{kind}"
        assert str(audio) not in failed["error"]["detail"]


def test_no_path_can_be_given(filling: TestClient, audio: Path) -> None:
    request = {"video": "talk", "segments": SEGMENTS, "audio": str(audio / "talk.wav")}
    assert filling.post(f"{API}/fills", json=request).status_code == 422
    weights = {"video": "talk", "segments": SEGMENTS, "encoder": f"counting:{audio}"}
    assert filling.post(f"{API}/fills", json=weights).status_code == 422
    state, failed = _events(filling, _fill(filling, "../talk")["job"])[-1]
    assert (state, failed["error"]["type"]) == ("failed", "urn:pgvoice:error:audio_source_failed")


def test_one_runs_and_others_wait_until_the_queue_is_full(
    store: VoiceStore, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = WaitingEncoder()
    browser = _serve(store, encoder, monkeypatch)
    running = _fill(browser)["job"]
    assert encoder.begun.wait(60)
    waiting = [_fill(browser, "other")["job"] for _ in range(MOST_QUEUED)]
    full = browser.post(f"{API}/fills", json={"video": "talk", "segments": SEGMENTS})
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) > 0
    states = {job["job"]: job["state"] for job in browser.get(f"{API}/jobs").json()["items"]}
    assert states == {running: "running", **dict.fromkeys(waiting, "queued")}

    cancelled = browser.delete(f"{API}/jobs/{waiting[0]}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert browser.delete(f"{API}/jobs/{running}").status_code == 409
    assert _events(browser, waiting[0])[-1][0] == "cancelled"
    encoder.go_on.set()
    assert _events(browser, running)[-1][0] == "done"
    assert _events(browser, waiting[-1])[-1][0] == "done"
    _end(browser)


def test_an_unknown_job(filling: TestClient) -> None:
    unknown = filling.get(f"{API}/jobs/77")
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "urn:pgvoice:error:unknown_job"
