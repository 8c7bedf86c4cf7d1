"""SRT and WebVTT."""

from __future__ import annotations

from functools import partial

import pytest

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.format import ReadText
from pgvoice.hooks.formats.subtitles.subtitles import SRT, VTT
from pgvoice.store.turns import Turn

read_srt, read_vtt = partial(SRT.read, uri=None), partial(VTT.read, uri=None)
TWO = [Turn(1.0, 2.5, None, "Hello"), Turn(3.0, 4.25, None, "there,\nyou")]


@pytest.mark.parametrize(
    "text",
    [
        "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,250\nthere,\nyou",
        "00:00:01.000 --> 00:00:02.500\nHello\n\n00:00:03.000 --> 00:00:04.250\nthere,\nyou",
        "1\n0:0:1-->0:0:2,5\n<i>Hello</i>\n2\n0:0:3,0 --> 0:0:4,25  X1:1 X2:9\nthere,\n\nyou",
        "\n7\n\n00:01 --> 00:02,5\n{\\an8}Hello\n\n\n7\n00:03 --> 00:04,25\n<b>there</b>,\nyou\n\n",
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_srt(text: str, line_end: str) -> None:
    assert read_srt(text.replace("\n", line_end)) == TWO


def test_what_is_no_tag_stays() -> None:
    text = "00:01 --> 00:02\nI <3 you, a < b > c, AT&amp;T\n1984"
    assert read_srt(text)[0].text == "I <3 you, a < b > c, AT&amp;T\n1984"


@pytest.mark.parametrize(("read", "header"), [(read_srt, ""), (read_vtt, "WEBVTT\n\n")])
def test_speakers_as_whisperx_writes_them(read: ReadText, header: str) -> None:
    times = f"{header}00:01.000 --> 00:02.000\n"
    (said,) = read(f"{times}[SPEAKER_01]: <u>Hello</u> [there]: you\n", uri=None)
    assert said == Turn(1, 2, "SPEAKER_01", "Hello [there]: you")
    (played,) = read(f"{times}[music] Hello\n", uri=None)
    assert played == Turn(1, 2, None, "[music] Hello")


def test_vtt() -> None:
    text = """WEBVTT - A talk
Kind: captions
Language: en

NOTE
Not yet --> checked.

STYLE
::cue { color: lime }

REGION
id:fred

intro
00:01.000 --> 00:02.500 align:start position:10%
<v.loud Mary Ann>Hello, <b>you</b> &amp; <00:01.500><c.red>you</c></v>

2
100:00:00.000 --> 100:00:01.000
<v Bob>No

NOTE between

00:03.000 --> 00:04.000
<v Bob>No!</v>
<v Ann>Yes!</v>

00:05.000 --> 00:06.000
{space}
NOTED <v>without a name

00:06.000 --> 00:07.000
""".replace("{space}", " ")
    assert read_vtt(text) == [
        Turn(1.0, 2.5, "Mary Ann", "Hello, you & you"),
        Turn(360_000.0, 360_001.0, "Bob", "No"),
        Turn(3.0, 4.0, "Bob", "No!"),
        Turn(3.0, 4.0, "Ann", "Yes!"),
        Turn(5.0, 6.0, None, "NOTED without a name"),
        Turn(6.0, 7.0, None, ""),
    ]


def test_vtt_without_cues() -> None:
    assert read_vtt("WEBVTT\n") == []
    assert read_vtt("WEBVTT") == []


def test_a_header_may_run_into_the_first_cue() -> None:
    assert read_vtt("WEBVTT\n00:01.000 --> 00:02.000\nHi") == [Turn(1, 2, None, "Hi")]


def test_times_pass_through() -> None:
    assert read_srt("00:00:05,000 --> 00:00:02,000\nHi") == [Turn(5, 2, None, "Hi")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hello", "^line 1: found 'Hello', expected a cue's number and then its times"),
        ("1\nHello\n00:01 --> 00:02\nHi", "^line 1: found '1', expected a cue's number"),
        ("1\n00:0x:01,000 --> 00:00:02,000", "^line 2: found '00:0x:.*', expected two times"),
        ("1\n00:00:01,000 -->", "^line 2: found '00:00:01,000 -->', expected two times"),
        ("1\n00:00:01,000 --> 00:00:61,000", "^line 2: found .*, expected two times"),
        ("00:01,0 --> 00:02,0\nHi\n\n00:03,0 -> 00:04,0\nyou", "^line 4: found '00:03,0 -> 00:04"),
        ("00:01,0 --> 00:02,0\nHi\n\n-00:03,0 --> 00:04,0", "^line 4: found '-00:03,0"),
    ],
)
def test_srt_that_is_malformed(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_srt(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "00:01.000 --> 00:02.000\nHi",
            "^line 1: found '00:01.000 --> 00:02.000', expected WEBVTT",
        ),
        ("WEBVTTX\n\n", "^line 1: found 'WEBVTTX', expected WEBVTT"),
        ("WEBVTT\n\nHello\nthere", "^line 3: found 'Hello', expected a cue's number"),
        ("WEBVTT\n\nid\n00:x1.000 --> 00:02.000\nHi", "^line 4: found '00:x1.000 --> 00:02.000'"),
    ],
)
def test_vtt_that_is_malformed(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_vtt(text)
