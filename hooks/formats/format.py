"""``Format``: how a file of turns is recognised, read and written, and the checks of writers."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import shown, unexpected
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn


class ReadText(Protocol):
    """Reads a whole document; raises `FormatError` with the line or the index of a mistake.

    `uri` selects a recording, in formats whose files may cover several.
    """

    def __call__(self, text: str, *, uri: str | None) -> list[Turn]: ...


class WriteText(Protocol):
    """Writes a whole document; raises `FormatError` for a name that the format cannot represent.

    `source` is the document whose segments were labelled, read with the same `uri`; everything but
    its speakers is kept. If it is None, the result is a new document of the segments and their
    speakers for the recording `uri`.
    """

    def __call__(
        self, labelled: Sequence[Labelled], *, source: str | None, uri: str | None
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A file format for segments."""

    name: str
    #: In lower case, with their dot.
    suffixes: tuple[str, ...]
    #: Who writes such files, or what they are; for lists of formats.
    summary: str = field(default="", kw_only=True)
    read: ReadText
    #: Whether a document looks like this format; decides if the suffix does not.
    matches: Callable[[str], bool]
    #: None if the format is read-only.
    write: WriteText | None = None
    #: The segments by recording, if files of this format name their recordings.
    recordings: Callable[[str], dict[str, list[Turn]]] | None = None


class RegisterFormat(Protocol):
    """Registers a format under its name."""

    def __call__(self, new: Format, /) -> None: ...


# Unicode categories: controls, surrogates, line and paragraph separators.
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
_LONGEST = 60
# Seconds; more than thirty years.
_LATEST = 1e9


def speaker_of(labelled: Labelled) -> str | None:
    """The name, or the diarizer's label if there is no name."""
    return labelled.speaker if labelled.speaker is not None else labelled.segment.label


def printable(text: str) -> str:
    """A line of text with blanks for controls and line breaks."""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def check_aligned(labelled: Sequence[Labelled], segments: Sequence[Turn]) -> None:
    """Raise `FormatError` unless the labels belong to a document's segments, in its order."""
    if len(labelled) != len(segments):
        raise FormatError(
            f"found {len(labelled)} labels for {len(segments)} segments, expected one for each"
        )
    for index, (each, segment) in enumerate(zip(labelled, segments, strict=True)):
        found, expected = ((one.start, one.end) for one in (each.segment, segment))
        if repr(found) != repr(expected):
            raise unexpected(f"segment {index}", found, f"the label of {expected}")


def refused(index: int, name: str, format_name: str, why: str) -> FormatError:
    """The error for a name that a format cannot represent."""
    short = repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
    return FormatError(
        f"segment {index}: the name {short} cannot be written as {format_name}, {why}:"
        " write JSON, or rename the speaker (pgvoice enroll rename)"
    )


def check_name(index: int, name: str, format_name: str) -> None:
    """Raise `FormatError` for a name that is blank, or would break a line of text."""
    if not name.strip():
        raise refused(index, name, format_name, "it is blank")
    if any(unicodedata.category(character) in _BREAKING for character in name):
        raise refused(index, name, format_name, "it contains a control character or a line break")


def check_read_back(read: Sequence[Turn], speakers: Sequence[str | None], format_name: str) -> None:
    """Raise `FormatError` unless a written document is read with as many segments and the speakers.

    A speaker of None is not compared; several spaces equal one.
    """
    if len(read) != len(speakers):
        raise FormatError(
            f"as {format_name} there would be {len(read)} segments, expected {len(speakers)}:"
            " write JSON"
        )
    for index, (found, expected) in enumerate(zip(read, speakers, strict=True)):
        if expected is not None and (found.label or "").split() != expected.split():
            raise refused(index, expected, format_name, f"it would be read as {shown(found.label)}")


def check_span(index: int, segment: Turn) -> None:
    """Raise `FormatError` for an invalid span of time, which only JSON can represent."""
    if not 0 <= segment.start <= segment.end < _LATEST:
        found = (segment.start, segment.end)
        raise unexpected(f"segment {index}", found, "a start in seconds, and an end after it")
