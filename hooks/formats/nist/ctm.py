"""CTM, NIST's time marked conversation: a word on each line, joined into turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Line, with_lines
from pgvoice.hooks.formats.format import Format, check_aligned, refused
from pgvoice.hooks.formats.nist.fields import (
    NONE,
    Fields,
    UriTurn,
    by_recording,
    field_lines,
    fields_of,
    first_lines,
    is_number,
    name_fields,
    of_recording,
    total,
    with_field,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

#: The longest pause, in seconds, within a turn: NIST's evaluation plans (RT-09) bridge such pauses.
PAUSE = Decimal("0.3")
_LINE = "recording channel begin duration word [confidence [type [speaker]]]"
# The fields after the word, and what stands for them if a speaker must follow.
_LACKING = ("NA", "lex")
_SPEAKER = 7
# Speakers that are none; "null" stands for them in NIST's own files.
_NOBODY = frozenset({NONE, "NA", "null"})
# Alternative transcripts begin, follow and end at lines without times.
_NO_TIME = "*"


@dataclass(slots=True)
class _Words:
    """The words of one turn."""

    uri: str
    channel: str
    speaker: str | None
    start: Decimal
    end: Decimal
    text: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def read_ctm(text: str, *, uri: str | None = None) -> list[Turn]:
    """The turns of a recording: words of one speaker without a pause of more than `PAUSE`.

    A turn also ends when somebody else speaks on the same channel. Without a speaker, the channel
    is the label if the recording has several.
    """
    return [each.turn for each in of_recording(_turns(_words(text)), uri)]


def read_all_ctm(text: str) -> dict[str, list[Turn]]:
    """The turns of each recording."""
    return by_recording(_turns(_words(text)))


def write_ctm(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """Give every word of a named turn its speaker, the eighth field; the other fields stay.

    Turns of one name that follow each other are read as one. There are no new documents, since
    turns do not say when each word is spoken.
    """
    if source is None:
        raise FormatError("there is no time for each word: choose another format, such as stm")
    words = _words(source)
    turns = of_recording(_turns(words), uri)
    check_aligned(labelled, [each.turn for each in turns])
    fields = name_fields(labelled, "ctm", new=False)
    of_first = {each.lines[0].number: each for each in words}
    changed = {}
    for index, (turn, each, name) in enumerate(zip(turns, labelled, fields, strict=True)):
        if each.speaker is None or name is None:
            continue
        if name in _NOBODY:
            raise refused(index, each.speaker, "ctm", "it would not be read as a name")
        for line in of_first[turn.line.number].lines:
            changed[line.number] = _with_speaker(line.text, name)
    return with_lines(source, changed)


def _with_speaker(line: str, name: str) -> str:
    count = len(fields_of(line))
    if count > _SPEAKER:
        return with_field(line, _SPEAKER, name)
    lacking = _LACKING[max(0, count - 5) :]
    return " ".join([line.rstrip(" \t"), *lacking, name])


def _turns(words: Sequence[_Words]) -> list[UriTurn]:
    channels: dict[str, set[str]] = {}
    for each in words:
        channels.setdefault(each.uri, set()).add(each.channel)
    return [_turn(each, several=len(channels[each.uri]) > 1) for each in words]


def _turn(words: _Words, *, several: bool) -> UriTurn:
    label = words.channel if words.speaker is None and several else words.speaker
    turn = Turn(float(words.start), float(words.end), label, " ".join(words.text))
    return UriTurn(words.uri, turn, words.lines[0])


def _words(text: str) -> list[_Words]:
    """The words by turn, in the order of each turn's first word."""
    found: list[_Words] = []
    latest: dict[tuple[str, str], _Words] = {}
    for line in field_lines(text):
        if not 5 <= len(line.fields) <= 8:
            raise line.expected(_LINE)
        if line.fields[2] == _NO_TIME:
            continue
        word = _word(line)
        turn = latest.get((word.uri, word.channel))
        if turn is None or turn.speaker != word.speaker or not _follows(turn, word):
            found.append(word)
            latest[word.uri, word.channel] = word
        else:
            turn.end = max(turn.end, word.end)
            turn.text += word.text
            turn.lines += word.lines
    return found


def _word(line: Fields) -> _Words:
    fields = line.fields
    start, duration = line.seconds(2), line.seconds(3)
    speaker = fields[_SPEAKER] if len(fields) > _SPEAKER else None
    kept = None if speaker in _NOBODY else speaker
    end = total(start, duration)
    return _Words(fields[0], fields[1], kept, start, end, [fields[4]], [line.line])


def _follows(turn: _Words, word: _Words) -> bool:
    """Whether the word belongs to the turn; no time that is none does."""
    times = (turn.start, turn.end, word.start, word.end)
    return all(map(Decimal.is_finite, times)) and turn.start <= word.start <= turn.end + PAUSE


def matches_ctm(text: str) -> bool:
    """Whether the lines of a text have two times, a word, and perhaps a confidence."""
    lines = first_lines(text)
    return bool(lines) and all(map(_is_word, lines))


def _is_word(line: Fields) -> bool:
    fields = line.fields
    if not 5 <= len(fields) <= 8:
        return False
    timed = all(map(is_number, fields[2:4])) or fields[2] == _NO_TIME
    return timed and (len(fields) == 5 or is_number(fields[5]) or fields[5] in _NOBODY)


CTM = Format(
    "ctm",
    (".ctm",),
    read_ctm,
    matches_ctm,
    write_ctm,
    read_all_ctm,
    summary="NIST's words with times",
)
