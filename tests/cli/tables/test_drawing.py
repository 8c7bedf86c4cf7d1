"""Which columns a table shows in a width, and what becomes of long values."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.cells import cell_len
from rich.console import Console

from pgvoice.cli.tables.columns import Column, explanation, number, optional, person
from pgvoice.cli.tables.drawing import draw, shortened


def _drawn(columns: Sequence[Column], row: Sequence[str], width: int | None) -> list[str]:
    return draw(columns, [row], width, Console(color_system=None)).text.splitlines()


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("talk", 4, "talk"),
        ("2026-11-28-council", 9, "2026…ncil"),
        ("2026-11-28-council", 8, "2026…cil"),
        ("日本語の録音データ", 9, "日本…ータ"),
        ("日本語の録音データ", 8, "日本…タ"),
    ],
)
def test_a_long_value_loses_its_middle(text: str, width: int, shown: str) -> None:
    assert shortened(text, width) == shown
    assert cell_len(shown) <= width


def test_columns_are_left_out_in_order() -> None:
    columns = [person("speaker"), optional("encoder", 1), number("margin", 2), number("similarity")]
    row = ["Ada", "campplus", "0.5", "0.7"]
    shown = {width: _drawn(columns, row, width)[0].split() for width in (37, 36, 28, 26, 5)}
    assert shown[37] == ["speaker", "encoder", "margin", "similarity"]
    assert shown[36] == ["speaker", "margin", "similarity"]
    assert shown[28] == ["speaker", "margin", "similarity"]
    assert shown[26] == shown[5] == ["speaker", "similarity"]
    left_out = draw(columns, [row], 26, Console(color_system=None)).left_out
    assert left_out == ["encoder", "margin"]


def test_the_last_column_continues_between_words() -> None:
    columns = [Column("recording"), explanation("error")]
    error = "the file /srv/recordings/2026/11/28/town-council-meeting.flac ends early: copy again"
    lines = _drawn(columns, ["talk", error], 50)
    assert lines[:2] == ["recording  error", "talk       the file"]
    assert lines[2].strip() == "/srv/recordings/202…ouncil-meeting.flac"
    assert [line[:11].strip() for line in lines[2:]] == [""] * len(lines[2:])
    assert max(map(len, lines)) <= 50
    assert _drawn(columns, ["talk", error], None)[1] == f"talk       {error}"


def test_headers_are_folded_before_numbers_are_broken() -> None:
    columns = [Column("ingest"), number("vectors per second"), number("time left")]
    row = ["library", "1,234,567.0", "12 h"]
    assert _drawn(columns, row, 30) == [
        "             vectors per  time",
        "ingest            second  left",
        "library      1,234,567.0  12 h",
    ]


def test_without_rows_there_are_headers() -> None:
    assert draw([number("rows")], [], 80, Console(color_system=None)).text == "rows"
