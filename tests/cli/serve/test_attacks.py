"""Attacks on ``pgvoice serve``, each of which has to fail."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.serving import client, entrance_of, path_of, stranger
from pgvoice_testkit.stores import unknown_voices
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text
from starlette.testclient import TestClient

from pgvoice.cli.serve import clips, running
from pgvoice.cli.serve.access import middleware
from pgvoice.cli.serve.app import make_app
from pgvoice.cli.serve.settings import Settings
from pgvoice.hooks import fill
from pgvoice.hooks.listening.cutting import ClipCutter
from pgvoice.store import Turn, VoiceStore

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


@pytest.mark.parametrize("size", [200, pytest.param(3000, marks=pytest.mark.slow)])
def test_thousands_of_requests_for_clips_leave_room_for_pages(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = write(tmp_path / "talk.wav", voice(110, 6))
    fill(store, CountingEncoder(), video="talk", audio=path, segments=[(0, 6)])
    listening = running.listen("127.0.0.1", 0)
    settings = Settings(port=listening.getsockname()[1])
    app = make_app(store, settings)
    flood = _Flood(size, settings.port, path_of(app.state.entrance.link))
    monkeypatch.setattr(ClipCutter, "_cut", flood.held(ClipCutter._cut))
    server = running.prepare(app, settings)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        asyncio.run(asyncio.wait_for(flood.pour(), 120))
    finally:
        flood.may_go_on.set()
        server.should_exit = True
        thread.join(60)
    assert flood.statuses == {200: clips.MOST, 503: flood.size - clips.MOST}
    assert flood.told_to_retry == flood.size - clips.MOST
    assert flood.page == 200
    assert flood.most_at_once == clips.PARALLEL


class _Flood:
    """So many requests for different clips, none of which is cut before all others are answered."""

    def __init__(self, size: int, port: int, link: str) -> None:
        self.size = size
        self.may_go_on = threading.Event()
        self.statuses = Counter[int]()
        self.told_to_retry = self.page = self.most_at_once = self._at_once = 0
        self._port, self._link = port, link
        self._lock = threading.Lock()

    def held(self, cut: Callable[..., bytes]) -> Callable[..., bytes]:
        """Cuts clips, each once it may go on; counts how many are cut at a time."""

        def holding(*arguments: object) -> bytes:
            with self._lock:
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            self.may_go_on.wait(120)
            try:
                return cut(*arguments)
            finally:
                with self._lock:
                    self._at_once -= 1

        return holding

    async def pour(self) -> None:
        entered = await self._get(self._link)
        cookie = re.search(rb"set-cookie: ([^;]+)", entered)
        assert cookie is not None
        asked = [
            asyncio.create_task(self._clip(place, cookie[1].decode())) for place in range(self.size)
        ]
        while self.statuses.total() < self.size - clips.MOST:
            await asyncio.sleep(0.01)
        self.page = _status(await self._get("/acts", cookie[1].decode()))
        self.may_go_on.set()
        await asyncio.gather(*asked)

    async def _clip(self, place: int, cookie: str) -> None:
        start = place / 1000
        answer = await self._get(f"/clips?video=talk&start={start}&end={start + 1}", cookie)
        self.told_to_retry += b"retry-after: 1\r\n" in answer
        self.statuses[_status(answer)] += 1

    async def _get(self, path: str, cookie: str = "") -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        host = f"Host: 127.0.0.1:{self._port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        writer.write(f"GET {path} HTTP/1.1\r\n{host}".encode())
        answer = await reader.read()
        writer.close()
        return answer


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


class _Page(HTMLParser):
    """What a browser would run or open of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.dangers: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag in ("style", "iframe", "object", "embed", "base") or (
            tag == "script" and not given.get("src", "").startswith("/static/")
        ):
            self.dangers.append(f"<{tag}>")
        for name, value in given.items():
            is_place = name in ("href", "src", "action", "formaction", "xlink:href", "data")
            if name.startswith("on") or name == "style" or (is_place and value[:1] not in "/?#"):
                self.dangers.append(f"<{tag} {name}={value!r}>")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


#: Names, keys, labels and texts that a page may not take for its own.
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "' onmouseover='alert(1)",
    "{{ 7*7 }}</title><style>*{}</style>",
]


def test_no_name_or_text_becomes_part_of_a_page(store: VoiceStore) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE pgvoice.setting SET keep_text = true"))
    store.voices.enable()
    for number, hostile in enumerate(HOSTILE):
        people = PEOPLE[number % 3 : number % 3 + 2]
        unknown_voices.record(store, hostile, people, seed=number)
        turns = store.recordings.turns(hostile) or []
        told = [Turn(each.start, each.end, HOSTILE[number - 1], hostile) for each in turns[:2]]
        store.recordings.store_turns(hostile, [*told, *turns[2:]])
    for hostile in HOSTILE[:2]:
        store.voices.name(store.voices.unknown()[0].number, hostile, consent="a form")
    store.labels.label()
    seen = _crawl(client(store))
    assert len(seen) > 10
    for path, (page, parsed) in seen.items():
        assert not parsed.dangers, path
        assert "<script>alert" not in page, path
        assert ">49<" not in page, path


def _crawl(browser: TestClient) -> dict[str, tuple[str, _Page]]:
    """What links lead to: the first pages of each kind."""
    seen: dict[str, tuple[str, _Page]] = {}
    kinds = Counter[str]()
    ahead = ["/review", "/library", "/people", "/trust", "/acts", "/search", "/none"]
    for hostile in HOSTILE:
        ahead.append(f"/search?{urlencode({'q': hostile, 'name': hostile})}")
        ahead.append(f"/person?{urlencode({'name': hostile})}")
        ahead.append(f"/recording?{urlencode({'video': hostile})}")
    while ahead:
        path = ahead.pop(0)
        kind = re.sub(r"\d+", "N", path.partition("?")[0])
        if path in seen or kind == "/clips" or kinds[kind] == 3:
            continue
        kinds[kind] += 1
        answer = browser.get(path)
        assert answer.status_code < 500, (path, answer.text)
        if answer.headers["content-type"].startswith("text/html"):
            seen[path] = answer.text, _Page(answer.text)
            ahead += [link for link in seen[path][1].links if link.startswith("/")]
    return seen


def _is_here(location: str) -> bool:
    """Whether a browser that gets this location stays on this site."""
    as_taken = re.sub(r"[\t\r\n]", "", location).replace("\\", "/")
    return urlsplit(urljoin(f"{OURS}/x", as_taken)).netloc == "127.0.0.1:8642"
