"""Attacks on ``pgvoice serve``, each of which has to fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client, entrance_of, path_of, stranger
from starlette.testclient import TestClient

from pgvoice.cli.serve.access import middleware
from pgvoice.cli.serve.site import prose
from pgvoice.store import VoiceStore

OURS = "http://127.0.0.1:8642"
#: What leads to another site if it is believed.
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "/\r\n/evil.example/",
    "\t//evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "",
]


@pytest.fixture(scope="module")
def shown(server_url: str, template: str) -> Iterator[TestClient]:
    """A browser that has come in, for requests that change nothing."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as opened:
        yield client(opened)


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:9999"}, False),
        ({"Origin": "https://127.0.0.1:8642"}, False),
        ({"Origin": f"{OURS}.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Referer": f"{OURS}/review"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9999"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": OURS}, True),
    ],
)
def test_only_pages_of_this_site_change_something(
    shown: TestClient, headers: dict[str, str], is_ours: bool
) -> None:
    del shown.headers["Origin"]
    try:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = shown.request(method, "/nowhere", headers=headers)
            assert answer.status_code == (404 if is_ours else 403)
    finally:
        shown.headers["Origin"] = OURS


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8642",
        "127.0.0.1",
        "127.0.0.1:9999",
        "127.0.0.1:8642.evil.example",
        "127.0.0.1:8642@evil.example",
        "evil.example/?127.0.0.1:8642",
        "[::1]",
        "0.0.0.0:8642",
        "",
    ],
)
def test_another_name_of_this_machine_is_refused(shown: TestClient, host: str) -> None:
    """As after DNS rebinding, where a page of the other site would be of the same origin."""
    for path in ("/acts", "/static/page.css", "/api/v1/none", path_of(entrance_of(shown).link)):
        answer = shown.get(path, headers={"Host": host}, follow_redirects=False)
        assert answer.status_code == 421
        assert "set-cookie" not in answer.headers
        assert "--public-host" in answer.text


def test_names_of_this_machine(shown: TestClient) -> None:
    for host in ("127.0.0.1:8642", "localhost:8642", "[::1]:8642", "LOCALHOST:8642"):
        assert shown.get("/static/page.css", headers={"Host": host}).status_code == 200


def test_without_a_proxy_its_headers_are_not_believed(shown: TestClient) -> None:
    forwarded = {"X-Forwarded-Host": "127.0.0.1:8642", "Forwarded": "host=127.0.0.1:8642"}
    evil = {"Host": "evil.example", **forwarded}
    assert shown.get("/acts", headers=evil).status_code == 421
    evil = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    answer = shown.get("/", headers=evil, follow_redirects=False)
    assert "evil" not in answer.headers["location"]
    assert "strict-transport-security" not in answer.headers
    origin = {"Origin": "https://evil.example", **evil}
    assert shown.post("/nowhere", headers=origin).status_code == 403


def test_behind_a_proxy_only_its_name_and_https_are_served(store: VoiceStore) -> None:
    public = "voices.example.org"
    browser = stranger(store, behind_proxy=True, public_hosts=(public,))
    proxied = {"Host": "127.0.0.1:8642", "X-Forwarded-Host": public, "X-Forwarded-Proto": "https"}
    assert browser.get("/static/page.css", headers=proxied).status_code == 200
    for other, status in (
        ({"X-Forwarded-Proto": "http"}, 400),
        ({"X-Forwarded-Proto": "https, http"}, 400),
        ({"X-Forwarded-Proto": ""}, 400),
        ({"X-Forwarded-Host": "evil.example"}, 421),
        ({"X-Forwarded-Host": f"{public}, evil.example"}, 421),
        # A proxy appends to what the browser sent.
        ({"X-Forwarded-Host": f"evil.example, {public}"}, 200),
    ):
        answer = browser.get("/static/page.css", headers=proxied | other)
        assert (answer.status_code, other) == (status, other)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/..%5capp.py",
        "/static/page.css%00.py",
        "/static/",
        "/static/" + "a" * 5000,
    ],
)
def test_nothing_but_static_files_is_served(shown: TestClient, path: str) -> None:
    answer = shown.get(path)
    assert answer.status_code == 404
    assert "make_app" not in answer.text
    assert "root:" not in answer.text


def test_no_page_leads_to_another_site(shown: TestClient) -> None:
    for back in ELSEWHERE:
        answer = shown.post("/acts/undo", data={"back": back}, follow_redirects=False)
        location = answer.headers.get("location", "/")
        assert _is_here(location), back


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "/%5cevil.example/"])
def test_no_link_leads_to_another_site(shown: TestClient, path: str) -> None:
    browser = stranger(entrance_of(shown).site.store)
    token = path_of(entrance_of(browser).link).removeprefix("/")
    for _ in range(2):  # before and after the browser has come in
        answer = browser.get(f"{OURS}{path}{token}", follow_redirects=False)
        assert answer.status_code == 303
        assert _is_here(answer.headers["location"])


def test_what_is_given_adds_no_header(shown: TestClient) -> None:
    split = "x\r\nSet-Cookie: y=z\r\n\r\n"
    answers = [
        shown.get(f"/{quote(split)}", follow_redirects=False),
        shown.get(f"/{quote(split)}?token={quote(split)}", follow_redirects=False),
        shown.get("/acts", params={"token": split, split: split}, follow_redirects=False),
        shown.post("/acts/undo", data={"back": f"/{split}"}, follow_redirects=False),
    ]
    for answer in answers:
        assert "set-cookie" not in answer.headers
        assert not any("\r" in value or "\n" in value for value in answer.headers.values())


def test_long_requests_are_refused(shown: TestClient) -> None:
    most = middleware.LONGEST_BODY
    told = {"Content-Length": str(most + 1), "Content-Type": "application/x-www-form-urlencoded"}
    answer = shown.post("/acts/undo", content=b"", headers=told)
    assert answer.status_code == 413
    assert "16 MiB" in answer.text

    def untold() -> Iterator[bytes]:
        for _ in range(most // 2**20 + 1):
            yield b"a" * 2**20

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert shown.post("/acts/undo", content=untold(), headers=form).status_code == 413


def test_a_browser_never_chooses_its_session(store: VoiceStore) -> None:
    browser = stranger(store)
    name = entrance_of(browser).cookie
    browser.cookies.set(name, "chosen by somebody else")
    link = path_of(entrance_of(browser).link)
    entered = browser.get(link, headers={"Cookie": f"{name}=chosen"}, follow_redirects=False)
    assert "chosen" not in entered.headers["set-cookie"]
    browser.cookies.clear()
    for chosen in ("chosen", "", "\0", "ü", "a" * 10_000):
        headers = {b"Cookie": f"{name}={chosen}".encode("latin-1")}
        assert browser.get("/acts", headers=headers).status_code == 401


def _is_here(location: str) -> bool:
    """Whether a browser that gets this location stays on this site."""
    as_taken = re.sub(r"[\t\r\n]", "", location).replace("\\", "/")
    return urlsplit(urljoin(f"{OURS}/x", as_taken)).netloc == "127.0.0.1:8642"


def test_a_sentence_is_escaped_where_its_commands_are_code() -> None:
    assert prose("run `a <b>` & go") == "run <code>a &lt;b&gt;</code> &amp; go"
    assert prose("a ` <b>") == "a ` &lt;b&gt;"
