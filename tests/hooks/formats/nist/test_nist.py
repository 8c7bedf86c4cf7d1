"""CTM, STM and UEM."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pgvoice_testkit.stores.labelled_turns import labels

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.nist.ctm import read_all_ctm, read_ctm, write_ctm
from pgvoice.hooks.formats.nist.stm import read_stm, write_stm
from pgvoice.hooks.formats.nist.uem import parse_uem, read_uem
from pgvoice.store.turns import Turn

SAMPLES = Path(__file__).parents[1] / "samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def test_words_become_turns() -> None:
    """A pause of more than 0.3 s ends a turn; without speakers, channels are labels."""
    assert read_ctm(sample("talk.ctm")) == [
        Turn(11.34, 12.34, "A", "YES YOU UM UH"),
        Turn(17.5, 17.7, "A", "AS"),
        Turn(1.34, 1.54, "B", "I"),
        Turn(2.0, 2.34, "B", "CAN"),
    ]
    assert read_all_ctm(sample("speakers.ctm")) == {
        "news": [Turn(0.1, 0.61, "Ann", "good morning"), Turn(0.7, 1.16, "Bob", "hello uh")],
        "talk": [Turn(0, 0.5, None, "welcome")],
    }


@pytest.mark.parametrize(("pause", "turns"), [("0.3", 1), ("0.301", 2)])
def test_the_longest_pause_of_a_turn(pause: str, turns: int) -> None:
    text = f"talk 1 0 1 a\ntalk 1 {1 + float(pause)} 1 b\n"
    assert len(read_ctm(text)) == turns


def test_others_on_the_channel_end_a_turn_and_other_channels_do_not() -> None:
    lines = ["t 1 0 1 a 1 lex Ann", "t {} 0.5 1 b 1 lex Bob", "t 1 1 1 c 1 lex Ann"]
    one, two = ("\n".join(lines).format(channel) for channel in "12")
    assert [turn.text for turn in read_ctm(one)] == ["a", "b", "c"]
    assert [turn.text for turn in read_ctm(two)] == ["a c", "b"]


def test_names_of_words() -> None:
    text = "t 1 0 1  hi\r\n;; x\r\nt 1 1 1 there -0.5\r\nt 1 5 1 bye 0.5 fp S1\r\n"
    turns = read_ctm(text)
    named = write_ctm(labels(turns, "Ada L", "Bob"), source=text)
    assert named == (
        "t 1 0 1  hi NA lex Ada_L\r\n;; x\r\nt 1 1 1 there -0.5 lex Ada_L\r\n"
        "t 1 5 1 bye 0.5 fp Bob\r\n"
    )
    with pytest.raises(FormatError, match="it would not be read as a name"):
        write_ctm(labels(turns, "null", None), source=text)
    with pytest.raises(FormatError, match="no time for each word: choose another format, such as"):
        write_ctm(labels(turns, "Ada", None), source=None)


def test_stm() -> None:
    """Without gaps, and what is not scored."""
    assert read_stm(sample("talk.stm"), uri="talk") == [
        Turn(0.1, 2.03, "talk-a", "uh huh yes i { thought / @ }"),
        Turn(2.1, 3.04, "talk-b", "dog walking is a very"),
        Turn(4.6, 5.59, "talk-a", "yes  but it's worth it"),
    ]
    assert read_stm("t 1 x 0 1") == [Turn(0, 1, "x", "")]


def test_names_of_stm() -> None:
    text = sample("talk.stm")
    turns = read_stm(text, uri="talk")
    named = write_stm(labels(turns, "Ada L", None, "Bob"), source=text, uri="talk")
    expected = text.replace("talk-a 0.10", "Ada_L 0.10").replace("talk-a\t4.60", "Bob\t4.60")
    assert named == expected
    with pytest.raises(FormatError, match="it stands for a gap"):
        write_stm(labels(turns[:1], "inter_segment_gap"), source=None)


def test_new_stm() -> None:
    turns = [Turn(0, 1.23456, "S0", " <uh> well\nyes"), Turn(2, 3)]
    text = write_stm(labels(turns, "Ada L", None), source=None, uri="my talk")
    assert text == "my_talk 1 Ada_L 0.000 1.235 <o> <uh> well yes\nmy_talk 1 <NA> 2.000 3.000\n"
    assert read_stm(text) == [Turn(0, 1.235, "Ada_L", "<uh> well yes"), Turn(2, 3, None, "")]


@pytest.mark.parametrize("text", ["t 1 0 1", "t 1 0 x hi", "t 1 0 1 a b c d e"])
def test_what_is_no_ctm(text: str) -> None:
    with pytest.raises(FormatError, match="line 1: found "):
        read_ctm(text)


@pytest.mark.parametrize("text", ["t 1 Ann 0", "t 1 Ann zero 1 hi"])
def test_what_is_no_stm(text: str) -> None:
    with pytest.raises(FormatError, match="line 1: found "):
        read_stm(text)


def test_uem() -> None:
    assert read_uem(SAMPLES / "talk.uem") == {"talk": [(0, 10.5), (12, 20)], "news": [(0, 300)]}
    assert parse_uem("t 1 5 9\nt 2 0 2\nt 1 8 12\n") == {"t": [(0, 2), (5, 12)]}


@pytest.mark.parametrize("text", ["t 1 0", "t 1 0 1 x", "t 1 0 x", "t 1 2 1", "t 1 nan 1"])
def test_what_is_no_uem(text: str) -> None:
    with pytest.raises(FormatError, match="read as uem, line 1: found "):
        read_uem(io.StringIO(text))
