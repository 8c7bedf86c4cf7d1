"""Manifests give rows that a store can keep, or one clear error."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.documents.strange_documents import pieces
from pyarrow import parquet

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.documents import Source
from pgvoice.hooks.formats.reading import read_recordings
from pgvoice.hooks.ingest import segment_files
from pgvoice.hooks.ingest.manifest import COLUMNS, Manifest
from pgvoice.store.turns import Turn

LONGEST_MESSAGE = 700


def _rows(path: Path) -> int:
    """The number of rows; -1 for an error that names the file in one line."""
    rows, refused, again = [], None, path.with_name("again.jsonl")
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
        stored = json.dumps(row.document(), allow_nan=False, ensure_ascii=False)
        stored.encode()
        assert "\\u0000" not in stored
        again.write_text(stored)
        (read,) = Manifest(again)
        assert read.document() == row.document()
    return len(rows)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[" * 100_000, "line 1: not valid JSON .*nested"),
        ('{"video": "v", "segments": "' + "[" * 100_000 + '"}', "segments: not valid JSON"),
        ('{"video": "v", "segments": [[0, ' + "9" * 400 + "]]}", "found .*9999.*, expected"),
        ('{"video": "v", "segments": [[0, ' + "9" * 9000 + "]]}", "a number that is too long"),
        ('{"video": "v", "segments": [[0, 1, 2]]}', r"found \[0, 1, 2\], expected"),
        ('{"video": "v", "segments": [{"start": 1}]}', "found {'start': 1}, expected"),
        ('{"video": "v", "segments": [{"start": 0, "end": 1, "text": 2}]}', "expected text"),
        ('{"video": "v", "segments": [[0, 1]], "uri": 5}', "row 1, uri: found 5, expected text"),
        (
            '{"video": "v", "segments": [[0, 1]], "speech": "a.rttm"}',
            "unknown column 'speech'; the columns are video, audio, segments, uri",
        ),
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
    ids=range(20),
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


def _csv(path: Path, text: str) -> Manifest:
    path.write_text(text)
    return Manifest(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "video,sound,segments\nv,a.wav,a.rttm\n",
            "unknown column 'sound'; the columns are video,",
        ),
        ("video,segments,\nv,a.rttm,\n", "unknown column ''"),
        ("video,video,segments\nv,v,a.rttm\n", "the column 'video' is there twice"),
        ("video,segments\nv,a.rttm,b.rttm\n", r"row 1: found \['b.rttm'\], expected no more"),
    ],
)
def test_columns_of_a_csv(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        list(_csv(tmp_path / "m.csv", text))


def test_segments_may_be_empty(tmp_path: Path) -> None:
    (row,) = _csv(tmp_path / "m.csv", "video,audio,segments\nv,v.mp3,\n")
    assert (row.segments, row.source, row.turns()) == (None, None, None)
    assert row.document() == {"video": "v", "audio": str(tmp_path / "v.mp3")}
    (row,) = _csv(tmp_path / "m.csv", "video,audio\nv,v.mp3\n")
    assert row.turns() is None


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    spoken = [{"start": 0.0, "end": 1.5, "speaker": "S0"}]
    rows = [{"video": "a", "segments": spoken}, {"video": "b", "segments": spoken * 2}]
    parquet.write_table(pa.Table.from_pylist(rows), path)
    assert [row.turns() for row in Manifest(path)] == [[Turn(0, 1.5, "S0")] * n for n in (1, 2)]
    files = [{"video": "a", "audio": "a.wav", "segments": "all.rttm", "uri": "x"}]
    parquet.write_table(pa.Table.from_pylist(files), path)
    (row,) = Manifest(path)
    assert (row.audio, row.uri) == (str(tmp_path / "a.wav"), "x")
    parquet.write_table(pa.Table.from_pylist([{"video": "a", "when": 1}]), path)
    with pytest.raises(FormatError, match="unknown column 'when'"):
        list(Manifest(path))


def test_segments_in_the_manifest_keep_labels_and_what_is_no_time(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(
        '{"video": "v", "segments": [[0, NaN], {"start": 1, "end": 2, "speaker": 7, "text": "hi"},'
        " [3, 1e400]]}"
    )
    (row,) = Manifest(path)
    first, second, _ = row.turns() or []
    assert str(first.end) == "nan"
    assert second == Turn(1, 2, "7", "hi")
    # What was said is not kept in the state of an ingest.
    assert row.document()["segments"] == [
        [0, None],
        {"start": 1, "end": 2, "speaker": "7"},
        [3, None],
    ]


LIBRARY = """SPEAKER talk 1 0 1 <NA> <NA> S0 <NA> <NA>
SPEAKER other 1 2 1 <NA> <NA> S0 <NA> <NA>
SPEAKER talk 1 4 1 <NA> <NA> S1 <NA> <NA>
"""


def test_a_file_of_a_whole_library_is_parsed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = list[object]()

    def counted(source: Source) -> dict[str, list[Turn]] | None:
        reads.append(source)
        return read_recordings(source)

    monkeypatch.setattr(segment_files, "read_recordings", counted)
    library = tmp_path / "all.rttm"
    library.write_text(LIBRARY)
    csv_text = "video,segments,uri\ntalk,all.rttm,\nsecond,all.rttm,other\nthird,all.rttm,\n"
    first, second, third = _csv(tmp_path / "m.csv", csv_text)
    assert first.turns() == [Turn(0, 1, "S0"), Turn(4, 5, "S1")]
    assert second.turns() == [Turn(2, 3, "S0")]
    with pytest.raises(FormatError, match="no recording 'third'; it has 'talk', 'other': name one"):
        third.turns()
    assert len(reads) == 1
    library.write_text(LIBRARY + "SPEAKER third 1 0 9 <NA> <NA> S0 <NA> <NA>\n")
    assert third.turns() == [Turn(0, 9, "S0")]
    assert len(reads) == 2


def test_a_file_of_one_recording_may_have_another_name(tmp_path: Path) -> None:
    (tmp_path / "talk.rttm").write_text(LIBRARY.splitlines()[0])
    (tmp_path / "all.json").write_text('{"a": [[0, 1]], "b": [[2, 3]]}')
    (tmp_path / "bad.rttm").write_text("SPEAKER talk 1 x")
    text = (
        "video,segments,uri\nv,talk.rttm,\nv,talk.rttm,w\nb,all.json,\nv,bad.rttm,\nv,none.rttm,\n"
    )
    one, wrong, of_json, bad, absent = _csv(tmp_path / "m.csv", text)
    assert one.turns() == [Turn(0, 1, "S0")]
    assert of_json.turns() == [Turn(2, 3)]
    for row, said in ((wrong, "'w'"), (bad, "line 1"), (absent, "No such file")):
        with pytest.raises(FormatError, match=said):
            row.turns()


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
            csv.writer(file, escapechar="\\").writerows([COLUMNS[:3], *rows])
        found[_rows(path) >= 0] += 1

    run()
    assert min(found.values()) > 10
