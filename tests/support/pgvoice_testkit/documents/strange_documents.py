"""Malformed documents and names, and the properties to check with each of them."""

from __future__ import annotations

import io
import json
import math
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.documents import load_document
from pgvoice.hooks.formats.encodings import encoded
from pgvoice.hooks.formats.json.catalog import SERVICES as CATALOG
from pgvoice.hooks.formats.nist.uem import read_uem
from pgvoice.hooks.formats.reading import SegmentsDocument, read_document
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.hooks.labels_import import SpokenTurn, compared
from pgvoice.hooks.results import Labelled
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.turns import Turn
from pgvoice_testkit.documents.changed_samples import changed_samples
from pgvoice_testkit.documents.strange_texts import LARGE_TEXTS, SHAPED, UEM
from pgvoice_testkit.stores.labelled_turns import named

_FIRST = ("json", "whisperx", "rttm", "srt", "vtt")
FORMATS = (*_FIRST, *SHAPED)
#: Other tools' JSON, of which no new documents are written.
SERVICES = tuple(service.name for service in CATALOG)
_JSON = ("json", "whisperx", *SERVICES)
#: Formats whose tiers are read by time, and the decimals of their times.
_BY_TIME = {"elan": 3, "textgrid": 6}
#: Formats in which turns of one name may be read as one.
_JOINING = ("ctm", "srt", "vtt")
#: Hundredths of seconds.
_COARSE = ("ass", "ssa")
_LONGEST_MESSAGE = 600

_PIECES = [
    *("\n", "\n\n", "\r\n", "\r", " ", "\t", "-->", "->", ":", ",", ".", "<v ", "</v>", "<v.loud "),
    *("<", ">", "&lt;", "&amp;", "[", "]", "]: ", "{", "}", '"', "\\", "{\\an8}", "NOTE", "WEBVTT"),
    *("SPEAKER", ";;", "<NA>", "nan", "inf", "-1", "9" * 400, "1e308", "1e999", "1", "\0", "\x1b"),
    *("\u202e", "\u05d0\u05d1", "\ufeff", "\u2028", "\x85", "\xa0", "\ud800", "A" * 300, "Ann"),
]
pieces = st.sampled_from(_PIECES) | st.text(max_size=4)
#: Names of people, good and bad.
names = st.lists(pieces, min_size=1, max_size=3).map("".join) | st.sampled_from(
    ["Ada", "Ada Lovelace", "Ada_Lovelace", "a\nb", "<v x>", "a --> b", "a\0b", "[x]", "&lt;", " "]
)
_number = st.sampled_from(
    ["0", "0.5", "1", "2.25", "3.1234567", "1", "2", "1e-3", "7", "-1", "1e400", "NaN", "9" * 30]
)
_clock = st.sampled_from(
    ["00:00:00,500", "00:00:02.000", "00:03.000", "00:00:04,000", "00:05.5"] * 4
    + ["9:9", "99999999:00:00.0", "x"]
)
_ending = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\n \n"])


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.sampled_from(
        ["segments", "start", "end", "speaker", "label", "text", "words", "diarizer_label", "x"]
    )
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5)


_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), _nested
)
_time = st.floats(0, 100) | st.integers(0, 100) | st.floats()


@st.composite
def _segment_object(draw: st.DrawFn) -> dict[str, object]:
    made: dict[str, object] = {"start": draw(_time), "end": draw(_time)}
    for key in ("speaker", "label", "text", "diarizer_label"):
        if draw(st.booleans()):
            made[key] = draw(names | _value)
    word = st.fixed_dictionaries({"word": names}, optional={"start": _time, "end": _time}) | _value
    if draw(st.booleans()):
        made["words"] = draw(st.lists(word, max_size=3) | _value)
    return made | draw(st.dictionaries(st.text(max_size=3), _value, max_size=2))


_segments = st.lists(_segment_object() | st.tuples(_time, _time), max_size=4)
_cue = st.tuples(
    st.sampled_from(["", "1\n", "intro\r\n", "1\n", "NOTE x\n\n", "STYLE\n"]),
    st.just(""),
    _clock,
    st.sampled_from([" --> ", "-->", " --> ", "\t-->\t", " --> ", " -> "]),
    _clock,
    st.sampled_from(["", " align:start"]),
    _ending,
    st.lists(pieces, max_size=5).map("".join),
    _ending,
    st.sampled_from(["", "\n"]),
).map("".join)
_cues = st.lists(_cue, max_size=4).map("".join)
_field = st.sampled_from(["talk", "1", "<NA>", "Ann", "show"]) | _number | pieces
_rttm_line = st.tuples(
    st.sampled_from(
        ["SPEAKER talk 1", "speaker\ttalk 1", "SPEAKER talk 2", "SPKR-INFO talk 1", ";; x"]
    ),
    *[_number] * 2,
    *[_field] * 5,
    _ending,
).map(" ".join)
_shaped: dict[str, st.SearchStrategy[str]] = {
    "json": _segments.map(json.dumps) | _value.map(json.dumps),
    "whisperx": st.fixed_dictionaries(
        {"segments": st.lists(_segment_object(), max_size=4)}, optional={"word_segments": _value}
    ).map(lambda found: json.dumps(found, indent=1))
    | changed_samples("whisperx"),
    "rttm": st.lists(_rttm_line, max_size=5).map("".join),
    "srt": _cues,
    "vtt": _cues.map("WEBVTT\n\n".__add__),
    **SHAPED,
    **{name: changed_samples(name) for name in SERVICES},
}


#: Formats to write a document in, beside its own.
others = st.lists(st.sampled_from(FORMATS), min_size=4, max_size=4, unique=True)


@st.composite
def documents(draw: st.DrawFn, name: str) -> str:
    """A document of a format, valid or damaged, or any text."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.text(max_size=40))
    text = draw(UEM if name == "uem" else _shaped[name])
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(pieces) + text[at + draw(st.integers(0, 6)) :]
    return text


def check(
    name: str,
    text: str,
    people: Sequence[str | None],
    outcomes: Counter[str],
    targets: Sequence[str] = FORMATS,
) -> None:
    """Check that reader and writers either keep everything or raise a short `FormatError`."""
    try:
        document = read_document(io.StringIO(text), name)
    except FormatError as error:
        _check_message(error)
        outcomes["refused by the reader"] += 1
        return
    outcomes["read"] += 1
    outcomes["segments"] += len(document.segments)
    _check_unlabelled(document, outcomes)
    _check_imported(document)
    labelled = [
        named(segment, people[index % len(people)] if people else None)
        for index, segment in enumerate(document.segments)
    ]
    for target in {name, *targets}:
        _check_named(document, labelled, target, outcomes)


def check_large(name: str, kind: str, outcomes: Counter[str]) -> None:
    """`check` with a large document, in a few formats."""
    targets = _FIRST if name in _FIRST else ("json",)
    check(name, LARGE[name][kind], ["Ada", None, "Bob"], outcomes, targets)


def check_uem(text: str, outcomes: Counter[str]) -> None:
    """Check that the reader of regions gives sorted regions or raises a short `FormatError`."""
    try:
        found = read_uem(io.StringIO(text))
    except FormatError as error:
        _check_message(error)
        outcomes["refused by the reader"] += 1
        return
    outcomes["read"] += 1
    for regions in found.values():
        times = [time for region in regions for time in region]
        assert times == sorted(times)


def check_bytes(data: bytes, outcomes: Counter[str]) -> None:
    """Check that text of any bytes gives the same bytes back, or raises a short `FormatError`."""
    try:
        found = load_document(io.BytesIO(data))
    except FormatError as error:
        _check_message(error)
        outcomes["refused by the reader"] += 1
        return
    outcomes[f"read as {found.encoding}"] += 1
    assert encoded(found.text, found.encoding) in (data, data.removeprefix(BOM_UTF8))


def _check_unlabelled(document: SegmentsDocument, outcomes: Counter[str]) -> None:
    labelled = [Labelled(segment, None) for segment in document.segments]
    try:
        again = write_labels(labelled, source=document)
    except FormatError as error:
        _check_message(error)
        assert document.format.name in _JSON
        outcomes["refused to be written as it was"] += 1
        return
    if document.format.name in _JSON:
        assert repr(json.loads(again)) == repr(json.loads(document.text))
    else:
        assert again == document.text


def _check_imported(document: SegmentsDocument) -> None:
    keys = sorted({key for key in snap_turns(document.segments, 100).keys if key})
    stored = [SpokenTurn(key, f"S{at}", "Ann" if at % 2 else None) for at, key in enumerate(keys)]
    found = compared(stored, document.segments, ["Ann", "Ada Lovelace"], 100)
    changed = [change.key for change in found.changes]
    assert changed == sorted(set(changed))
    assert all(change.after not in ("", change.before) for change in found.changes)
    named = {change.key: change.after for change in found.changes}
    after = [each._replace(name=named.get(each.key, each.name)) for each in stored]
    people = ["Ann", "Ada Lovelace", *named.values()]
    assert not compared(after, document.segments, people, 100).changes


def _check_named(
    document: SegmentsDocument, labelled: list[Labelled], target: str, outcomes: Counter[str]
) -> None:
    try:
        written = write_labels(labelled, target, source=document)
    except FormatError as error:
        _check_message(error)
        outcomes[f"names refused by {target}"] += 1
        return
    outcomes[f"written as {target}"] += 1
    if not written.strip() or (target == "rttm" and not labelled):
        return
    written.encode()
    read = list(read_document(io.StringIO(written, newline=""), target, document.uri).segments)
    same = target == document.format.name
    if target in SERVICES or (same and _has_only_words(document)):
        _check_extent(read, [one.segment for one in labelled])
        return
    if len(read) != len(labelled):
        assert same
        assert target in _JOINING
        outcomes[f"joined by {target}"] += 1
        return
    if target in _BY_TIME:
        decimals = _BY_TIME[target]
        read.sort(key=lambda turn: (round(turn.start, decimals), round(turn.end, decimals)))
        labelled = sorted(
            labelled,
            key=lambda one: (round(one.segment.start, decimals), round(one.segment.end, decimals)),
        )
    for found, expected in zip(read, labelled, strict=True):
        _check_times(
            found, expected.segment, 0 if same else 0.0051 if target in _COARSE else 0.00051
        )
        if expected.speaker is not None and target in _JSON:
            assert found.label == _whole_characters(expected.speaker)


def _has_only_words(document: SegmentsDocument) -> bool:
    """Whether a document is OpenAI's with words alone, which are joined as a service's are."""
    return document.format.name == "whisperx" and "segments" not in json.loads(document.text)


def _check_extent(read: Sequence[Turn], expected: Sequence[Turn]) -> None:
    """The same stretch of time: words that get one name, or cannot get one, make other turns."""
    if expected and all(0 <= turn.start <= turn.end < math.inf for turn in expected):
        found, before = (
            (min(turn.start for turn in turns), max(turn.end for turn in turns))
            for turns in (read, expected)
        )
        assert found == before


def _whole_characters(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _check_times(found: Turn, expected: Turn, tolerance: float) -> None:
    for one, other in ((found.start, expected.start), (found.end, expected.end)):
        if not tolerance or not math.isfinite(other):
            assert repr(one) == repr(other)
        else:
            assert math.isclose(one, other, abs_tol=tolerance)


def _check_message(error: FormatError) -> None:
    message = str(error)
    assert "\n" not in message[:_LONGEST_MESSAGE]
    assert len(message) < _LONGEST_MESSAGE, message[:_LONGEST_MESSAGE]


#: Bytes in some encoding, with some of them damaged.
any_bytes = st.binary(max_size=60) | st.tuples(
    st.text(max_size=40) | st.sampled_from(["Zoë: Grüß", "Привет", "こんにちは", "1\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1251", "cp932", "utf-16-be"]),
    st.binary(max_size=3),
).map(lambda found: found[0].encode(found[1], "ignore") + found[2])


def _google_word(number: int) -> dict[str, object]:
    return {
        "word": "a",
        "startTime": f"{number}.1s",
        "endTime": f"{number}.9s",
        "speakerTag": number % 3,
    }


LARGE: dict[str, Mapping[str, str]] = {
    **LARGE_TEXTS,
    **{name: {} for name in SERVICES},
    "google": {
        "words": json.dumps(
            {
                "results": [
                    {
                        "alternatives": [{"words": [_google_word(n) for n in range(2_000)]}],
                        "languageCode": "en",
                    }
                ]
            }
        ),
    },
    "aws": {
        "untimed": json.dumps(
            {"results": {"items": [{"type": "punctuation", "speaker_label": "a"}] * 2_000}}
        ),
    },
    "ibm": {
        "labels": json.dumps(
            {"speaker_labels": [{"from": 0, "to": 0.1, "speaker": n % 2} for n in range(2_000)]}
        ),
    },
    "json": {
        "brackets": "[" * 1_000_000,
        "objects": '{"a":' * 200_000,
        "nested": '[{"start":0,"end":1,"x":' + "[" * 800 + "]" * 800 + "}]",
        "digits": "[[0," + "9" * 1_000_000 + "]]",
        "fraction": "[[0,1." + "9" * 1_000_000 + "]]",
        "exponent": "[[0,1e999999999]]",
        "name": json.dumps([{"start": 0, "end": 1, "speaker": "A" * 1_000_000}]),
        "keys": json.dumps([{"start": 0, "end": 1} | {str(key): key for key in range(100_000)}]),
        "pairs": json.dumps([[n, n + 1] for n in range(5_000)]),
    },
    "whisperx": {
        "brackets": '{"segments":' + "[" * 1_000_000,
        "words": json.dumps(
            {
                "segments": [
                    {"start": n, "end": n + 1, "words": [{"word": "x", "start": n, "end": n + 0.5}]}
                    for n in range(2_000)
                ]
            }
        ),
        "overlaps": json.dumps(
            {
                "segments": [
                    {"start": 0, "end": 9999, "words": [{"word": "x", "start": n, "end": n + 1}]}
                    for n in range(300)
                ]
            }
        ),
    },
    "rttm": {
        "name": "SPEAKER talk 1 0 1 <NA> <NA> " + "A" * 1_000_000 + " <NA> <NA>\n",
        "uri": "".join(f"SPEAKER {letter * 1_000_000} 1 0 1 x x A x x\n" for letter in "ab"),
        "digits": "SPEAKER talk 1 0 " + "9" * 1_000_000 + " <NA> <NA> A <NA> <NA>\n",
        "exponent": "SPEAKER talk 1 1e9999 -1e9999 <NA> <NA> A <NA> <NA>\n",
        "spaces": "SPEAKER" + " " * 1_000_000 + "x",
        "lines": "SPEAKER talk 1 0 1 <NA> <NA> A <NA> <NA>\n" * 5_000,
        "returns": "\r" * 100_000,
    },
    "srt": {
        "arrows": "-->" * 300_000,
        "digits": "1\n" + "9" * 1_000_000 + ":00 --> 1\nx",
        "prefix": "1\n00:00:00,000 --> 00:00:01,000\n" + "[" * 1_000_000,
        "tags": "1\n00:00:00,000 --> 00:00:01,000\n" + "<i>" * 300_000 + "[A]: x",
        "overrides": "1\n00:00:00,000 --> 00:00:01,000\n" + "{\\a" * 300_000,
        "lines": "1\n00:00:00,000 --> 00:00:01,000\nx\n\n" * 3_000,
        "blank": "1\n00:00:00,000 --> 00:00:01,000\n" + "\n" * 100_000,
    },
    "vtt": {
        "voice": "WEBVTT\n\n00:00.000 --> 00:01.000\n<v " + "A" * 1_000_000 + ">x",
        "voices": "WEBVTT\n\n00:00.000 --> 00:01.000\n" + "<v A>" * 200_000,
        "open": "WEBVTT\n\n00:00.000 --> 00:01.000\n" + "<v " * 300_000,
        "classes": "WEBVTT\n\n00:00.000 --> 00:01.000\n<v" + ".a" * 500_000,
        "ampersands": "WEBVTT\n\n00:00.000 --> 00:01.000\n" + "&" * 1_000_000,
        "notes": "WEBVTT\n\n" + "NOTE x\n\n" * 2_000,
        "header": "WEBVTT" + "\n" * 100_000,
    },
}
