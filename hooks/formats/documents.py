"""A document's text and lines, and the error for a mistake in it."""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.encodings import check_characters, decoded, undecodable

Source = str | os.PathLike[str] | TextIO | BinaryIO

_LINE_END = re.compile(r"(\r\n|\r|\n)")
_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = 60
_SHORTENED.maxlevel = 2
_LONGEST = 200


class Document(NamedTuple):
    """The text of a file, without a byte order mark."""

    name: str
    #: In lower case, with its dot; empty if there is none.
    suffix: str
    text: str
    #: ``utf-8-sig``, ``utf-16-le`` and the like if the file begins with a byte order mark.
    encoding: str = "utf-8"


class Line(NamedTuple):
    """A line without its end; numbers start at 1."""

    number: int
    text: str


class Edit(NamedTuple):
    """New text for the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def load_document(source: Source) -> Document:
    """A file, or the rest of an open stream; `FormatError` if unreadable or empty."""
    name = _name(source)
    try:
        found = _read(source)
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: {undecodable(error)}") from error
    except OSError as error:
        raise FormatError(f"cannot read {name}: {error.strerror or error}") from error
    try:
        text, encoding = decoded(found) if isinstance(found, bytes) else (found, "utf-8")
        text = text.removeprefix("\ufeff")
        check_characters(text)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    if not text.strip():
        raise FormatError(f"{name} is empty: expected segments")
    return Document(name, Path(name).suffix.lower(), text, encoding)


def numbered_lines(text: str) -> list[Line]:
    """The lines of a text; they end with LF, CRLF or CR only."""
    return [Line(number, line) for number, line in enumerate(_LINE_END.split(text)[::2], 1)]


def with_lines(text: str, changed: Mapping[int, str]) -> str:
    """The text with some lines replaced, by number; every line keeps its own end."""
    pieces = _LINE_END.split(text)
    for number, line in changed.items():
        pieces[2 * (number - 1)] = line
    return "".join(pieces)


def with_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with some places replaced, which must not overlap."""
    pieces, at = [], 0
    for edit in sorted(edits):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def line_end(text: str) -> str:
    """The end of the first line; a line feed if there is none."""
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


def unexpected(where: str, found: object, expected: str) -> FormatError:
    """The error for an unexpected value (shortened in the message) at a line or an index."""
    return FormatError(f"{where}: found {shown(found)}, expected {expected}")


def shown(found: object) -> str:
    """A value of a file for a message, shortened; any value, however deep and long."""
    short = _SHORTENED.repr(found)
    return short if len(short) <= _LONGEST else f"{short[:_LONGEST]}..."


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "the stream"))


def _read(source: Source) -> str | bytes:
    if not isinstance(source, str | os.PathLike):
        return source.read()
    if "\0" in os.fspath(source):
        raise FormatError(f"{os.fspath(source)!r} is not a path: it contains a NUL")
    return Path(source).read_bytes()
