"""Strange names: the libraries that own the formats read them back, or pgvoice refuses them."""

from __future__ import annotations

import tempfile
from collections import Counter
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any

import pysubs2
import pytest
import webvtt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgvoice_testkit.documents.strange_documents import names
from pgvoice_testkit.stores.labelled_turns import labels
from pyannote.database import util as pyannote_database

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.store.turns import Turn

# Untyped.
load_rttm: Any = pyannote_database.load_rttm
SPANS = [Turn(0.5, 2.0, "S0", "Hi."), Turn(3.0, 4.5, None, "Bye.")]
TRAPS = ["007", "1e5", "#x", ";;x", 'a"b', "a'b", "True", "a>b", "]: x", "[x", "a ]", "a&b;"]
TRAPS += ["WEBVTT", "NOTE x", "1", "00:01.000 --> 00:02.000", "</v>", "a\\Nb", "{b}", "SPEAKER"]
# Names that would be ambiguous when read back; the others are written.
REFUSED = {("srt", name) for name in ("]: x", "[x", "a ]", "</v>", "00:01.000 --> 00:02.000")}
# From pandas, with which pyannote.database reads RTTM.
NO_VALUES: set[str] = import_module("pandas._libs.parsers").STR_NA_VALUES


def rttm(text: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "talk.rttm")
        path.write_text(text, encoding="utf-8")
        (read,) = load_rttm(path).values()
    return [label for _, _, label in read.itertracks(yield_label=True)]


def srt(text: str) -> list[str]:
    read = pysubs2.SSAFile.from_string(text, format_="srt", keep_unknown_html_tags=True)
    return [cue.text.partition("]: ")[0].removeprefix("[") for cue in read]


def vtt(text: str) -> list[str]:
    return [unescape(cue.voice or "") for cue in webvtt.from_string(text).captions]


READ = {"rttm": rttm, "srt": srt, "vtt": vtt}


def check(format_name: str, name: str) -> bool:
    """Whether the name is written; then it must be read back, together with Bob."""
    try:
        text = write_labels(labels(SPANS, name, "Bob"), format_name, uri="talk")
    except FormatError:
        return False
    kept = "".join("_" if each.isspace() else each for each in name)
    expected = kept if format_name == "rttm" else " ".join(name.split())
    found = READ[format_name](text)
    assert [" ".join(each.split()) for each in found] == [expected, "Bob"], text
    return True


@pytest.mark.parametrize("format_name", READ)
@pytest.mark.parametrize("name", TRAPS)
def test_traps(format_name: str, name: str) -> None:
    assert check(format_name, name) == ((format_name, name) not in REFUSED)


@pytest.mark.parametrize("name", sorted(NO_VALUES - {""}))
def test_what_pandas_takes_for_nothing(name: str) -> None:
    assert check("rttm", name) == (" " in name)


@pytest.mark.parametrize("format_name", READ)
def test_any(format_name: str) -> None:
    @settings(
        max_examples=120, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(name=names | st.text(max_size=12))
    def run(name: str) -> None:
        outcomes[check(format_name, name)] += 1

    outcomes = Counter[bool]()
    run()
    assert min(outcomes[True], outcomes[False]) > 10
