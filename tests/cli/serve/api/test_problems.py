"""Every error of the API is a problem document that says what to do, and gives nothing away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from pgvoice_testkit.servers.databases import engine_of
from pgvoice_testkit.serving import client, stranger
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError
from starlette.testclient import TestClient

from pgvoice.cli.serve import errors
from pgvoice.hooks.errors import AudioNotFound, EncoderUnavailable, QueueFull
from pgvoice.store import VoiceStore
from pgvoice.store.errors import (
    ConsentMissing,
    InvalidSegment,
    LockHeld,
    NewName,
    PrivilegeMissing,
    UnknownVideo,
)

API = "/api/v1"
BIG = 10**30
PIN: dict[str, Any] = {"video": "monday", "spans": [{"start": 0, "end": 1.5}], "speaker": "Ada"}
#: Method, path, request, status, kind, and what the sentence or the fields name.
REFUSED: list[tuple[str, str, dict[str, Any], int, str, str]] = [
    ("get", "/nowhere", {}, 404, "not_found", ""),
    ("get", "/turns?video=nowhere", {}, 404, "unknown_video", "'nowhere'"),
    ("get", "/voices/99", {}, 404, "unknown_voice_number", "99"),
    ("get", "/labels?video=monday&encoder=none", {}, 404, "unknown_encoder", "'none'"),
    ("get", "/turns?video=monday&cursor=abc", {}, 404, "not_found", "cursor"),
    ("put", "/turns", {}, 405, "method_not_allowed", ""),
    ("get", "/turns", {}, 422, "invalid_request", "query.video"),
    ("get", "/turns?video=%00", {}, 422, "invalid_request", "query.video"),
    ("get", f"/turns?video={'x' * 501}", {}, 422, "invalid_request", "query.video"),
    ("get", "/turns?video=monday&limit=501", {}, 422, "invalid_request", "query.limit"),
    ("get", "/answers?video=monday&threshold=nan", {}, 422, "invalid_request", "query.threshold"),
    ("get", f"/voices/{BIG}", {}, 422, "invalid_request", "path.number"),
    ("get", "/similar?video=monday&start=2&end=1", {}, 422, "invalid_segment", "ends before"),
    ("post", "/labels/pin", {"json": {**PIN, "speaker": "Eve"}}, 409, "new_name", "'Eve' is new"),
    ("post", "/labels/pin", {"json": {**PIN, "speaker": "\0"}}, 422, "invalid_request", "speaker"),
    ("post", "/labels/pin", {"json": {**PIN, "else": 1}}, 422, "invalid_request", "body.else"),
    (
        "post",
        "/labels/pin",
        {"json": {"video": "monday", "speaker": None}},
        422,
        "invalid_request",
        "give spans or labels",
    ),
    ("post", "/acts/undo", {"json": {"act": BIG}}, 422, "invalid_request", "body.act"),
    ("post", "/acts/undo", {"json": {"act": 1 << 52}}, 404, "unknown_act", str(1 << 52)),
    ("post", "/acts/undo", {"json": {"dry_run": "yes"}}, 422, "invalid_request", "body.dry_run"),
    (
        "post",
        "/acts/undo",
        {"content": b"{", "headers": {"content-type": "application/json"}},
        422,
        "invalid_request",
        "body.1",
    ),
    (
        "post",
        "/acts/undo",
        {"content": b"act=1", "headers": {"content-type": "text/plain"}},
        415,
        "unsupported_media_type",
        "JSON",
    ),
    ("post", "/acts/undo", {"content": b"x" * (17 << 20)}, 413, "too_large", "MiB"),
    (
        "post",
        "/people/merge",
        {"json": {"name": "Ada", "into": "Bob"}},
        409,
        "incoherent_exemplars",
        "Bob",
    ),
    (
        "post",
        "/consents/grant",
        {"json": {"name": "Ada", "consent": {"granted_at": "2026-01-01"}}},
        422,
        "invalid_request",
        "granted_at",
    ),
]


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "kind", "named"),
    REFUSED,
    ids=[f"{method} {path[:40]} {status}" for method, path, _, status, _, _ in REFUSED],
)
def test_a_refusal(
    api: TestClient,
    method: str,
    path: str,
    request_: dict[str, Any],
    status: int,
    kind: str,
    named: str,
) -> None:
    answer = api.request(method, API + path, **request_)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == errors.PROBLEM
    problem = answer.json()
    assert problem["type"] == errors.URN + kind
    assert problem["status"] == status
    assert problem["title"]
    assert named in problem["detail"]
    if kind == "invalid_request":
        assert all(set(each) == {"field", "message"} for each in problem["errors"])


def test_a_path_tells_all_its_methods(api: TestClient) -> None:
    for path, methods in (("/turns", "GET"), ("/voices/same", "POST"), ("/jobs/1", "DELETE, GET")):
        answer = api.put(API + path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_surrogates_and_numbers_that_json_does_not_have(api: TestClient) -> None:
    kind = {"content-type": "application/json"}
    for body in (b'{"name": "\\ud800"}', b'{"name": NaN}', b'{"name": Infinity}', b"[" * 100_000):
        answer = api.post(f"{API}/people/remove", content=body, headers=kind)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == errors.PROBLEM


def test_nobody_comes_in_without_a_session_or_token(library: VoiceStore) -> None:
    browser = stranger(library, api_token="right")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic cmlnaHQ="}):
        answer = browser.get(f"{API}/openapi.json", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == errors.PROBLEM
        assert answer.json()["type"] == "urn:pgvoice:error:not_logged_in"
    assert browser.get(f"{API}/people", headers={"Authorization": "Bearer right"}).is_success


def test_another_site_changes_nothing(api: TestClient, library: VoiceStore) -> None:
    browser = client(library)
    answer = browser.post(f"{API}/acts/undo", json={}, headers={"Origin": "https://example.org"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, errors.PROBLEM)


FAILING: list[tuple[Exception, int, str]] = [
    (UnknownVideo("x"), 404, "unknown_video"),
    (NewName("Eve", ["Eva"]), 409, "new_name"),
    (ConsentMissing("no consent"), 409, "consent_missing"),
    (InvalidSegment(0, (2, 1), "it ends before it starts"), 422, "invalid_segment"),
    (PrivilegeMissing("permission denied", "pgvoice_admin", "GRANT ..."), 403, "privilege_missing"),
    (LockHeld("labelling", 3600, "somebody", 7), 503, "lock_held"),
    (QueueFull(16), 429, "queue_full"),
    (
        AudioNotFound("/srv/My Shows/talk.wav is missing, which 'talk' was filled from"),
        404,
        "audio_not_found",
    ),
    (EncoderUnavailable("cannot read '/root/.cache/weights.pt'"), 422, "encoder_unavailable"),
    (OSError(2, "No such file", "/srv/private/x.wav"), 500, "os_error"),
    (
        OperationalError("SELECT secret", {}, Exception("no server at /srv/private/.s.PGSQL.5432")),
        503,
        "database_error",
    ),
    (DataError("SELECT secret", {}, Exception("out of range")), 422, "value_error"),
]


@pytest.mark.parametrize(("error", "status", "kind"), FAILING, ids=[kind for _, _, kind in FAILING])
def test_an_error_gives_no_path_and_no_sql_away(error: Exception, status: int, kind: str) -> None:
    problem = errors.problem_of(error)
    assert problem is not None
    assert (problem.status, problem.kind) == (status, kind)
    assert ("Retry-After" in problem.headers) == (status in (429, 503))
    document = json.dumps(problem.document())
    for secret in ("/srv", "/root", "My Shows", "secret", "Traceback"):
        assert secret not in document


def test_what_nobody_foresaw_says_nothing_but_that(store: VoiceStore) -> None:
    browser = client(store)
    browser_app: FastAPI = browser.app  # type: ignore[assignment]

    with engine_of(store.database.url) as engine, engine.begin() as connection:
        connection.execute(text("ALTER TABLE pgvoice.act RENAME COLUMN subject TO topic"))
    quiet = TestClient(browser_app, base_url=str(browser.base_url), raise_server_exceptions=False)
    quiet.cookies = browser.cookies
    answer = quiet.get(f"{API}/acts")
    assert (answer.status_code, answer.headers["content-type"]) == (500, errors.PROBLEM)
    assert answer.json()["detail"] == errors.UNFORESEEN
    assert "subject" not in answer.text
