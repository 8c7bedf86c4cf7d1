"""Everything that the API changes: once each, in a story, and refused where it has to be."""

from __future__ import annotations

from typing import Any

import pytest
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import served_library
from pgvoice_testkit.stores.served_library import ADA, BOB, ENROLLED_FROM, SPEAKERS, ZOE
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore

API = "/api/v1"
FORM = "form of 3 May"
SPAN = {"start": 2.0, "end": 5.0}
CONSENT = {"evidence": FORM, "expires_at": "2099-01-01T00:00:00Z"}
#: Path, request, and what of the answer has to be; in this order.
STORY: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/voices/1/name", {"speaker": "Cyd", "consent": FORM, "dry_run": True}, {"act": None}),
    ("/voices/1/reject", {"speaker": ZOE, "dry_run": True}, {"act": None, "number": 1}),
    ("/voices/1/accept", {"force": True}, {"speaker": ZOE, "number": 1}),
    ("/voices/2/different", {"video": "thursday"}, {"number": 2}),
    ("/voices/same", {"numbers": [6, 3]}, {"number": 3}),
    ("/voices/3/dismiss", {"why": "tv"}, {"number": 3}),
    ("/voices/5/name", {"speaker": "Dan", "consent": CONSENT, "force": True}, {"speaker": "Dan"}),
    ("/labels/pin", {"video": "friday", "spans": [SPAN], "speaker": BOB}, {}),
    ("/labels/pin", {"video": "friday", "labels": ["SPEAKER_00"], "speaker": None}, {}),
    ("/labels/unpin", {"video": "friday", "spans": [SPAN]}, {"segments": 1}),
    ("/labels/run", {"videos": ["friday"], "dry_run": True}, {"run": None, "segments": 12}),
    ("/labels/relabel", {"clusters": False, "dry_run": True}, {"run": None}),
    (
        "/people/enroll",
        {"name": "Eve", "video": ENROLLED_FROM, "labels": [SPEAKERS[BOB]], "force": True},
        {},
    ),
    ("/people/rename", {"name": "Eve", "new_name": "Eva"}, {"speaker": "Eva"}),
    ("/people/merge", {"name": "Eva", "into": BOB, "force": True}, {"into": BOB}),
    ("/people/split", {"name": BOB, "into": "Fay", "exemplars": [8], "consent": FORM}, {}),
    ("/exemplars/drop_outliers", {"name": ADA, "dry_run": True}, {}),
    ("/exemplars/drop", {"name": ADA, "exemplar": 1}, {"left": 5}),
    ("/exemplars/restore", {"name": ADA}, {"exemplars": 0}),
    ("/consents/grant", {"name": "Dan", "consent": {"granted_by": "Dan's agent"}}, {}),
    ("/acts/undo", {"dry_run": True}, {"kind": "consent"}),
    ("/acts/undo", {}, {"kind": "consent", "subject": "Dan"}),
    ("/runs/1/revert", {}, {"run": 1}),
    ("/people/remove", {"name": ZOE}, {}),
    ("/consents/withdraw", {"name": "Dan"}, {}),
    ("/people/erase", {"name": ADA, "with_segments": True, "opt_out": True}, {"subject": ADA}),
    ("/recording/erase", {"video": "thursday"}, {"subject": "thursday", "dry_run": False}),
]
#: What is refused by a server that may only read, besides these.
ELSEWHERE = {("/fills", "post"), ("/jobs/{job}", "delete")}


@pytest.fixture
def acting(store: VoiceStore) -> TestClient:
    served_library.make(store)
    return client(store)


def test_every_act_is_possible_and_has_an_author(acting: TestClient) -> None:
    for path, request, expected in STORY:
        answer = acting.post(API + path, json=request)
        assert answer.status_code in (200, 204), (path, answer.text)
        found = answer.json() if answer.content else {}
        assert {name: found.get(name) for name in expected} == expected, (path, found)
    told = {path for path, _, _ in STORY}
    assert {path for path, method in _changing(acting) if method == "post"} <= {
        path.replace("/runs/1/", "/runs/{run}/") for path in map(_template, told)
    } | {path for path, _ in ELSEWHERE}
    acts = acting.get(f"{API}/acts", params={"limit": 1}).json()["items"]
    assert acts[0]["on_behalf_of"] == "local"


def test_a_server_that_only_reads_refuses_every_act(reading: TestClient) -> None:
    for path, method in _changing(reading):
        answer = reading.request(
            method, API + path.format(number=1, run=1, job=1), json=_valid(path)
        )
        assert answer.status_code == 403, (path, answer.text)
        problem = answer.json()
        assert problem["type"] == "urn:pgvoice:error:not_allowed"
        assert "may only read" in problem["detail"]


def test_the_database_refuses_a_reader_too(library_url: str) -> None:
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        browser = client(store)
        for path, request, _ in STORY:
            if path == "/exemplars/restore":  # there is nothing to change
                continue
            answer = browser.post(API + path, json={**request, **_no_dry_run(request)})
            assert answer.status_code == 403, (path, answer.text)
            problem = answer.json()
            assert problem["type"].startswith("urn:pgvoice:error:"), path
            assert "[SQL" not in problem["detail"], path


def _changing(browser: TestClient) -> list[tuple[str, str]]:
    described = browser.get(f"{API}/openapi.json").json()["paths"]
    return [
        (path.removeprefix(API), method)
        for path, methods in described.items()
        for method in methods
        if method != "get"
    ]


def _template(path: str) -> str:
    """The path of a route, for one with a number."""
    return "/".join("{number}" if part.isdigit() else part for part in path.split("/")).replace(
        "/runs/{number}/", "/runs/{run}/"
    )


def _valid(path: str) -> dict[str, Any] | None:
    """A request that is understood, if the path takes one."""
    found = [request for each, request, _ in STORY if _template(each) == path]
    fill = {"video": "monday", "segments": [SPAN]}
    return found[0] if found else fill if path == "/fills" else None


def _no_dry_run(request: dict[str, Any]) -> dict[str, Any]:
    return {"dry_run": False} if "dry_run" in request else {}
