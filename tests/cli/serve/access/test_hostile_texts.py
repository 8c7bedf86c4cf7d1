"""Names, keys, labels and texts that try to become part of a page."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import urlencode

from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import unknown_voices
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import text
from starlette.testclient import TestClient

from pgvoice.store import Turn, VoiceStore


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
