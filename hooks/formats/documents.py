"""A document's text and lines, and the error for a mistake in it."""

from __future__ import annotations

import codecs
import os
import re
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from pgvoice.hooks.errors import FormatError

Source = str | os.PathLike[str] | TextIO

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
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
    #: ``utf-8-sig`` and ``utf-16`` if the file begins with a byte order mark.
    encoding: str = "utf-8"


class Line(NamedTuple):
    """A line without its end; numbers start at 1."""

    number: int
    text: str


def load_document(source: Source) -> Document:
    """A file, or the rest of an open text stream; `FormatError` if unreadable or empty."""
    name = _name(source)
    try:
        decoded, encoding = _text(source)
        text = decoded.removeprefix("\ufeff")
        text.encode()
    except UnicodeError as error:
        raise FormatError(f"{name}: {_undecodable(error)}") from error
    except OSError as error:
        raise FormatError(f"cannot read {name}: {error.strerror or error}") from error
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


def _text(source: Source) -> tuple[str, str]:
    if not isinstance(source, str | os.PathLike):
        return source.read(), "utf-8"
    if "\0" in os.fspath(source):
        raise FormatError(f"{os.fspath(source)!r} is not a path: it contains a NUL")
    data = Path(source).read_bytes()
    if data.startswith(_UTF16_MARKS):
        return data.decode("utf-16"), "utf-16"
    marked = data.startswith(codecs.BOM_UTF8)
    return data.decode("utf-8-sig"), "utf-8-sig" if marked else "utf-8"


def _undecodable(error: UnicodeError) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return "found bytes that are not text, expected UTF-8"
    line = error.object.count(b"\n", 0, error.start) + 1
    byte = error.object[error.start : error.start + 1].hex()
    return f"line {line}: found the byte 0x{byte}, expected text in {error.encoding}"
