"""Manifests give rows that a store can keep, or one clear error."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.documents.strange_documents import pieces

from pgvoice.hooks import FormatError
from pgvoice.hooks.backfill.manifest import COLUMNS, Manifest

LONGEST_MESSAGE = 700


def _rows(path: Path) -> int:
    """The number of rows; -1 for an error that names the file in one line."""
    rows, refused = [], None
    try:
        rows = list(Manifest(path))
    except FormatError as error:
        refused = str(error)
    if refused is not None:
        assert str(path) in refused
        assert len(refused.replace(str(path), "")) < LONGEST_MESSAGE
        assert "\n" not in refused
        return -1
    for row in rows:
        stored = json.dumps(asdict(row), allow_nan=False, ensure_ascii=False)
        stored.encode()
        assert "\\u0000" not in stored
    return len(rows)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[" * 100_000, "line 1: not valid JSON .*nested"),
        ('{"video": "v", "segments": "' + "[" * 100_000 + '"}', "segments: not valid JSON"),
        ('{"video": "v", "segments": [[0, ' + "9" * 400 + "]]}", "found .*9999.*, expected"),
        ('{"video": "v", "segments": [[0, ' + "9" * 9000 + "]]}", "a number that is too long"),
        ('{"video": "v", "segments": [[0, 1e400]]}', r"found \[0, inf\], expected"),
        ('{"video": "v", "segments": [[0, NaN]]}', r"found \[0, nan\], expected"),
        ('{"video": "v", "segments": ["12"]}', "found '12', expected"),
        ('{"video": "v", "segments": {"ab": 1}}', "found {'ab': 1}, expected"),
        ('{"video": "v", "segments": true}', "found True, expected"),
        ('{"video": "v\\u0000", "segments": [[0, 1]]}', "must not contain a NUL"),
        ('{"video": "v\\ud800", "segments": [[0, 1]]}', r"has a lone surrogate U\+D800"),
        ('{"video": "' + "v" * 501 + '", "segments": [[0, 1]]}', "longer than 500"),
        ('{"video": "v", "audio": "a\\u0000", "segments": [[0, 1]]}', "expected a file"),
        ('{"video": "v", "audio": "\\ud800", "segments": [[0, 1]]}', "expected a file"),
        ('{"video": "v", "audio": ["a"], "segments": [[0, 1]]}', "expected a file"),
        ('{"video": "v", "audio": "loop/a", "segments": [[0, 1]]}', "expected a file"),
        ("\x00", "not valid JSON"),
    ],
    ids=range(17),
)
def test_a_line_that_is_no_recording(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(line)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FormatError, match=said):
        list(Manifest(path))
    assert _rows(path) == -1


@pytest.mark.parametrize("written", ["x" * 200_000, "[[0, 1]]" + " " * 200_000])
def test_a_field_that_is_too_long_for_csv(tmp_path: Path, written: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f'video,audio,segments\nv,,"{written}"\n')
    with pytest.raises(FormatError, match=r"m\.csv, line 2: field larger .* JSON lines"):
        list(Manifest(path))


def test_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"video": "v", "segments": [[0, 1]]}\n', encoding="utf-8-sig")
    assert [row.video for row in Manifest(path)] == ["v"]


_texts = st.lists(pieces, max_size=3).map("".join)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=2),
)
_spans = st.lists(st.tuples(st.floats(), st.floats()) | _values, max_size=3)
_row = st.fixed_dictionaries(
    {"video": _texts | _values, "segments": _spans | _spans.map(json.dumps) | _values},
    optional={"audio": _texts | _values},
)
_name = st.text("abc", min_size=1, max_size=9)
_times = st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=1)
_good = st.fixed_dictionaries({"video": _name, "segments": _times | _times.map(json.dumps)})
_line = st.tuples(_texts, _texts, _spans.map(json.dumps) | _texts) | st.tuples(
    _name, st.just(""), _times.map(json.dumps)
)


def test_any_json_lines(tmp_path: Path) -> None:
    found = {True: 0, False: 0}
    path = tmp_path / "m.jsonl"

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        rows=st.lists(st.one_of(_good, _good, _row), max_size=3),
        damage=st.sampled_from(["", "", "[", "\0"]),
    )
    def run(rows: list[object], damage: str) -> None:
        text = "".join(f"{json.dumps(row)}\n" for row in rows) + damage
        path.write_text(text, errors="surrogatepass")
        found[_rows(path) >= 0] += 1

    run()
    assert min(found.values()) > 10


def test_any_csv(tmp_path: Path) -> None:
    found = {True: 0, False: 0}
    path = tmp_path / "m.csv"

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(rows=st.lists(_line, max_size=3))
    def run(rows: list[tuple[str, str, str]]) -> None:
        with path.open("w", newline="", errors="surrogatepass") as file:
            csv.writer(file, escapechar="\\").writerows([COLUMNS, *rows])
        found[_rows(path) >= 0] += 1

    run()
    assert min(found.values()) > 10
