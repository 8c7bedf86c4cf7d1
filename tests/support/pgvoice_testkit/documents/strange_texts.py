"""Malformed documents of annotation programs, of NIST and of SubStation."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

_BREAKS = ["\n", "\r\n", "\r", "\n\n", "\n \n"]
ending = st.sampled_from(_BREAKS)
_numbers = ["0", "0.5", "1", "2.25", "3.1234567", "1e-3", "7", "-1", "1e400", "nan", "inf"]
number = st.sampled_from([*_numbers, "9" * 30, "9" * 400])
_plain = st.sampled_from(["0", "0.5", "1", "1.2", "2.25", "3.5", "4"])
_time = _plain | _plain | number
_word = st.sampled_from(
    ["Ann", "Bob", "hello", "<NA>", "null", "<o,f0>", "[Ann]: hi", "a b", "é", '"', "&", "<", "{"]
) | st.text(max_size=4)
_marks = [
    "",
    ";; x\n",
    "\n",
    "\0",
    "\ufeff",
    "<?xml",
    "<!DOCTYPE x>",
    "&a;",
    "!",
    "--",
    "\\\t1\t2\n",
]
mark = st.sampled_from(_marks)


def _line(*fields: st.SearchStrategy[str], between: str = " ") -> st.SearchStrategy[str]:
    return st.tuples(st.tuples(*fields).map(between.join), ending).map("".join)


def _document(line: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(line | line | line | mark, max_size=5).map("".join)


_recording = st.sampled_from(["talk", "talk", "talk", "show"])
_channel = st.sampled_from(["1", "1", "A", "B"])
_tail = st.sampled_from(["", "0.9", "NA lex", "0.9 lex Ann", "-1 fp Bob", "1 lex null", "a b c d"])
_ctm = _line(_recording, _channel, _time, _time, _word, _tail)
_alternative = st.sampled_from(["talk 1 * * <ALT_BEGIN>\n", "talk 1 * * <ALT>\n"])
_gap = st.sampled_from(
    ["talk 1 inter_segment_gap 0 1\n", "talk 1 Ann 0 1 IGNORE_TIME_SEGMENT_IN_SCORING\n"]
)
_stm = _line(_recording, _channel, _word, _time, _time, _word, _word)
_audacity = _line(_time, _time, _word, between="\t")
_uem = _line(_recording, _channel, _plain, _plain) | _line(_recording, _channel, _time, _time)

_clock = st.sampled_from(["0:00:01.00", "0:00:02.50", "0:00:03", "9:59:59.99", "1:2", "x", "-1"])
_event = st.tuples(
    st.sampled_from(["Dialogue: ", "Dialogue:", "dialogue: ", "Comment: ", "Picture: ", ""]),
    st.tuples(st.just("0"), _clock, _clock, _word, _word).map(",".join),
    ending,
).map("".join)
_events = st.tuples(
    st.sampled_from(["[Script Info]\n", "", "\ufeff"]),
    st.sampled_from(["[V4+ Styles]\n", "[V4 Styles]\n"]),
    st.sampled_from(["[Events]\n", "[events]\r\n", "[Events]\n", "[Fonts]\n"]),
    st.sampled_from(
        ["Format: Layer, Start, End, Name, Text\n"] * 6
        + ["Format: Text\n", "", "Format: Start, Start, End, Name, Text\n", "Format:\n"]
    ),
    st.lists(_event, max_size=4).map("".join),
).map("".join)

_quoted = _word.map(lambda text: '"' + text.replace('"', '""') + '"')
_interval = st.tuples(_time, _time, _quoted).map("\n".join)
_point = st.tuples(_time, _quoted).map("\n".join)


def _tier(kind: str, content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sized = st.lists(content, max_size=3).map(lambda listed: "\n".join([str(len(listed)), *listed]))
    return st.tuples(st.just(f'"{kind}"'), _quoted, _plain, _plain, sized).map("\n".join)


_tiers = st.lists(_tier("IntervalTier", _interval) | _tier("TextTier", _point), max_size=3)
_grid = st.tuples(
    st.sampled_from(['File type = "ooTextFile"\nObject class = "TextGrid"\n'] * 5 + ['"x"\n', ""]),
    st.sampled_from(["0\n5\n", "xmin = 0\nxmax = 5\n", "0 5 ! end\n"]),
    st.sampled_from(["<exists>\n"] * 5 + ["<absent>\n", "tiers? <exists>\n", "\n"]),
    _tiers.map(lambda listed: "\n".join([str(len(listed)), *listed])),
    mark,
).map("".join)

_slot = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from(["500", "1000", "1500", "2500", "x", "-1", "9" * 20, ""]),
).map(
    lambda slot: (
        f'<TIME_SLOT TIME_SLOT_ID="{slot[0]}" TIME_VALUE="{slot[1]}"/>'
        if slot[1]
        else f'<TIME_SLOT TIME_SLOT_ID="{slot[0]}"/>'
    )
)
_good_slots = "".join(
    f'<TIME_SLOT TIME_SLOT_ID="{name}" TIME_VALUE="{at}"/>'
    for name, at in zip("abcd", (500, 1000, 1500, 2500), strict=True)
)
_escaped = _word.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")).map(
    lambda text: "".join(each for each in text if each.isprintable()).replace('"', "&quot;")
)
_aligned = st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), _escaped).map(
    lambda found: (
        f'<ALIGNABLE_ANNOTATION ANNOTATION_ID="a{found[0]}{found[1]}" TIME_SLOT_REF1='
        f'"{found[0]}" TIME_SLOT_REF2="{found[1]}"><ANNOTATION_VALUE>{found[2]}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION>"
    )
)
_referring = st.sampled_from(["aab", "abc", "r", "x"]).map(
    lambda of: f'<REF_ANNOTATION ANNOTATION_ID="r" ANNOTATION_REF="{of}"/>'
)
_annotation = (_aligned | _aligned | _referring).map("<ANNOTATION>{}</ANNOTATION>".format)
_attributes = st.sampled_from(
    ["", ' PARTICIPANT="Ann"', " PARTICIPANT = 'Bob'", ' PARENT_REF="x"', ' PARENT_REF="y"']
)
_elan_tier = st.tuples(
    st.sampled_from(["x", "y", "z", "&lt;NA&gt;", ""]),
    _attributes,
    st.lists(_annotation, max_size=3).map("\n".join),
).map(lambda found: f'<TIER TIER_ID="{found[0]}"{found[1]}>{found[2]}</TIER>\n')
_elan = st.tuples(
    st.sampled_from(['<?xml version="1.0"?>\n', "", '<?xml version="1.0" encoding="UTF-16"?>\r\n']),
    st.just("<ANNOTATION_DOCUMENT>\n<TIME_ORDER>"),
    st.just(_good_slots) | st.just(_good_slots) | st.lists(_slot, max_size=4).map("".join),
    st.just("</TIME_ORDER>\n"),
    st.lists(_elan_tier, max_size=4).map("".join),
    st.sampled_from(
        ["</ANNOTATION_DOCUMENT>\n"] * 5 + ["", "<!-- x -->", "</ANNOTATION_DOCUMENT>"]
    ),
).map("".join)

SHAPED: Mapping[str, st.SearchStrategy[str]] = {
    "ctm": _document(_ctm | _ctm | _ctm | _alternative),
    "stm": _document(_stm | _stm | _stm | _gap),
    "audacity": _document(_audacity),
    "ass": _events,
    "ssa": _events,
    "textgrid": _grid,
    "elan": _elan,
}
#: Documents that have no segments.
UEM = _document(_uem)

_GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> '
_EAF = "<ANNOTATION_DOCUMENT>"
_BOMB = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12))
_CHAIN = "".join(f'<TIER TIER_ID="{n + 1}" PARENT_REF="{n}"/>' for n in range(500))
_SCRIPT = "[V4+ Styles]\n[Events]\nFormat: Layer, Start, End, Name, Text\n"
_TALKING = "".join(
    f"<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID='i{n}' TIME_SLOT_REF1='a' TIME_SLOT_REF2='b'>"
    "<ANNOTATION_VALUE>x</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    for n in range(300)
)
LARGE_TEXTS: Mapping[str, Mapping[str, str]] = {
    "ctm": {
        "words": "".join(f"talk 1 {n} 1 x 1 lex A\n" for n in range(2_000)),
        "turns": "".join(f"talk 1 {2 * n} 1 x 1 lex A\n" for n in range(300)),
        "word": "talk 1 0 1 " + "x" * 200_000,
        "digits": "talk 1 0." + "9" * 200_000 + " 1 x",
        "exponent": "talk 1 1e9999 -1e9999 x\ntalk 1 nan inf x\n",
    },
    "stm": {
        "text": "talk 1 A 0 1 " + "x " * 100_000,
        "labels": "talk 1 A 0 1 " + "<" * 100_000,
        "lines": "talk 1 A 0 1 hi\n" * 500,
    },
    "audacity": {
        "label": "0\t1\t" + "A" * 200_000,
        "brackets": "0\t1\t" + "[" * 200_000,
        "tabs": "0\t1" + "\t" * 200_000,
        "digits": "0\t" + "9" * 200_000 + "\tA",
        "lines": "0\t1\tA\n\\\t1\t2\n" * 500,
    },
    "ass": {
        "commas": _SCRIPT + "Dialogue: " + "," * 200_000,
        "columns": "[Events]\nFormat: " + "," * 100_000 + "\nDialogue: " + "," * 100_000,
        "braces": _SCRIPT + "Dialogue: 0,0:00:00.00,0:00:01.00,A," + "{" * 200_000,
        "lines": _SCRIPT + "Dialogue: 0,0:00:00.00,0:00:01.00,A,x\n" * 300,
    },
    "ssa": {"sections": "[Events]\n" * 10_000, "brackets": "[" * 200_000},
    "textgrid": {
        "quotes": _GRID + '"' * 200_001,
        "tiers": _GRID + "999999999 " + '"IntervalTier" "A" 0 1 0 ' * 2_000,
        "intervals": _GRID + '1 "IntervalTier" "A" 0 1 300 ' + '0 1 "x" ' * 300,
        "count": _GRID + "9" * 200_000,
        "comments": _GRID + "! x\n" * 20_000,
        "name": _GRID + '1 "IntervalTier" "' + "A" * 200_000 + '" 0 1 1 0 1 "x"',
    },
    "elan": {
        "bomb": f'<!DOCTYPE x [<!ENTITY e0 "x">{_BOMB}]>\n{_EAF}<TIER TIER_ID="&e12;"/>',
        "file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///dev/zero">]><x>&e;</x>',
        "nested": _EAF + "<TIER>" * 2_000,
        "attributes": _EAF + "<TIER " + "".join(f"a{n}='' " for n in range(10_000)) + "/>",
        "chain": _EAF + '<TIER TIER_ID="0"/>' + _CHAIN + "</ANNOTATION_DOCUMENT>",
        "open": "<" * 200_000,
        "text": _EAF + "<ANNOTATION_VALUE>" + "x" * 200_000,
        "turns": f"{_EAF}<TIME_ORDER>{_good_slots}</TIME_ORDER><TIER TIER_ID='A'>{_TALKING}</TIER>"
        f"<TIER TIER_ID='B' PARENT_REF='A'>{_TALKING.replace('i', 'j')}</TIER>"
        "</ANNOTATION_DOCUMENT>",
    },
}
