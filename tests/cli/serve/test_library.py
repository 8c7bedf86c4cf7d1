"""The page of all recordings."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise

import pytest
from pgvoice_testkit.servers.databases import plain
from pgvoice_testkit.serving import client
from pgvoice_testkit.stores import transcripts
from pgvoice_testkit.stores.filled import X, Y, put, unit
from pgvoice_testkit.stores.transcripts import ADA
from pgvoice_testkit.stores.voices import ENCODER
from sqlalchemy import text
from starlette.testclient import TestClient

from pgvoice.cli.serve.pages.library import SHOWN, parts
from pgvoice.store import Turn, VoiceStore
from pgvoice.store.recordings.listing import VideoSummary

#: Recordings with lengths and moments of their own.
_MANY = """
INSERT INTO pgvoice.video (key, duration_ms, created_at)
SELECT format('recording %s', lpad(n::text, 3, '0')), 1000 * (n * 37 % 101),
       now() - n * 31 % 89 * interval '1 hour'
FROM generate_series(1, 120) AS n
"""


ROW = re.compile(r'<td class="name long"><a[^>]*>(.*?)</a></td>(.*?)</tr>', re.DOTALL)


def listed(browser: TestClient, **asked: object) -> list[str]:
    """The recordings of a page of the list."""
    answer = browser.get("/library", params={k: str(v) for k, v in asked.items()})
    assert answer.status_code == 200, answer.text
    return [unescape(key) for key, _ in ROW.findall(answer.text)]


def test_it_tells_what_is_filled_labelled_and_said_by_whom(store: VoiceStore) -> None:
    library = transcripts.library(store)
    library.labels.label(["monday"])
    put(library, "half", {(0, 1): unit(*range(1, 65))}, ENCODER)
    library.recordings.store_turns("half", [Turn(0, 1, "A"), Turn(1, 2, "B")])
    shown = client(library).get("/library").text
    rows = dict(ROW.findall(shown))
    words = {key: " ".join(re.sub(r"<[^>]*>", " ", row).split()) for key, row in rows.items()}
    assert words["half"] == "10 min 2 turns 1 of 2 none labelled nobody named 2 s"
    assert "all labelled" in words["monday"]
    assert f"{ADA} 21 s , unknown voices 21 s" in words["monday"]
    assert "none labelled" in words["tuesday"]
    assert "unknown voices 21 s , nobody named 21 s" in words["tuesday"]
    assert "3 recordings, " in shown


def test_the_parts_of_a_bar_are_all_speech() -> None:
    speakers = tuple((f"p{n}", 10.0 - n) for n in range(7))
    named = sum(seconds for _, seconds in speakers)
    summary = VideoSummary(
        "v", None, None, None, 9, 9, 9, 9, None, named + 12, named, 8.0, speakers, None
    )
    found = parts(summary)
    assert [part.text for part in found] == [
        *("p0", "p1", "p2", "p3", "3 others", "unknown voices", "nobody named")
    ]
    assert sum(part.seconds for part in found) == pytest.approx(named + 12)
    for one, following in pairwise(found):
        assert one.x + one.width == pytest.approx(following.x, abs=0.01)
    assert found[-1].x + found[-1].width == pytest.approx(100, abs=0.01)


def test_it_is_sorted_and_paged(store: VoiceStore) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text(_MANY))
        rows = connection.execute(
            text("SELECT key, duration_ms, created_at FROM pgvoice.video ORDER BY key")
        ).all()
    page = client(store)
    expected = {
        "key": [row.key for row in rows],
        "longest": [row.key for row in sorted(rows, key=lambda row: (-row.duration_ms, row.key))],
        "newest": [
            row.key for row in sorted(rows, key=lambda row: (-row.created_at.timestamp(), row.key))
        ],
    }
    for order, keys in expected.items():
        pages = [listed(page, order=order, page=number) for number in (1, 2, 3, 4)]
        assert [len(each) for each in pages] == [SHOWN, SHOWN, 20, 0]
        assert [key for each in pages for key in each] == keys
        found = store.recordings.summaries(order=order, limit=None)  # type: ignore[arg-type]
        assert [each.video for each in found] == keys
    first = page.get("/library").text
    assert "1 to 50 of 120" in first
    link = re.findall(r'href="(/library[^"]*)" data-key="f"', first)
    second = page.get(unescape(link[0])).text
    assert [key for key, _ in ROW.findall(second)] == expected["key"][SHOWN : 2 * SHOWN]


def test_it_is_filtered_by_name(store: VoiceStore) -> None:
    for key in ("Talk 1", "talk 2", "100%", "other", "a_b"):
        put(store, key, {(0, 1): X, (1, 2): Y})
    page = client(store)
    assert listed(page, q=" TALK ") == ["Talk 1", "talk 2"]
    assert listed(page, q="%") == ["100%"]
    assert listed(page, q="_") == ["a_b"]
    assert listed(page, q="nope") == []
    assert "2 recordings of 5" in page.get("/library?q=talk").text
    assert "No recording's name contains “nope”" in page.get("/library?q=nope").text
    assert store.recordings.totals("talk").recordings == 2


def test_an_empty_store_says_so(store: VoiceStore) -> None:
    shown = client(store).get("/library").text
    assert "No recording yet" in shown
    assert "none yet" in shown
    assert "not kept" in shown


def test_ingests_and_reuse_are_shown(store: VoiceStore) -> None:
    transcripts.library(store)
    store.ingests.expect("<archive>", {"one": {}, "two": {}, "three": {}})
    with store.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE pgvoice.ingest_video SET state = 'done' WHERE video <> 'one'")
        )
        connection.execute(
            text("UPDATE pgvoice.ingest_video SET state = 'filled' WHERE video = 'one'")
        )
        connection.execute(text("UPDATE pgvoice.fill_run SET hits = 6, filled = 6"))
    shown = client(store).get("/library").text
    assert "&lt;archive&gt;" in shown
    assert "67 % of 3 recordings" in shown
    cells = re.search(r"&lt;archive&gt;</td>(.*?)<td><progress", shown, re.DOTALL)
    assert cells is not None
    assert re.findall(r">([\d,]+)<", cells[1]) == ["2", "0", "0", "1"]
    assert "Fills asked for 24 segments, of which 50 % were stored already" in shown
    assert " unknown voices with " in shown


def test_what_is_no_page_is_refused(store: VoiceStore) -> None:
    page = client(store)
    for asked in ("page=0", "page=99999999999", "order=size", f"q={'x' * 1001}"):
        assert page.get(f"/library?{asked}").status_code == 422, asked


def test_a_reader_sees_it(store: VoiceStore) -> None:
    transcripts.library(store)
    with VoiceStore.open(plain(store.database.engine.url), role="pgvoice_reader") as reader:
        assert listed(client(reader, read_only=True)) == ["monday", "tuesday"]
