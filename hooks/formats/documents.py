"""A document's text, its lines, and the sentence that says what is wrong in it."""

from __future__ import annotations

import codecs
import os
import re
import reprlib
from pathlib import Path
from typing import NamedTuple, TextIO

from pgvoice.hooks.errors import FormatError

Source = str | os.PathLike[str] | TextIO

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = 60
_SHORTENED.maxlevel = 2
_LONGEST = 200


class Document(NamedTuple):
    """A whole file, without its byte order mark."""

    name: str
    #: In lower case, with its dot; empty where there is none.
    suffix: str
    text: str


class Line(NamedTuple):
    """A line without its end; the first is number 1."""

    number: int
    text: str


def load_document(source: Source) -> Document:
    """A file, or what is left in an open text stream; `FormatError` if unreadable or empty."""
    name = _name(source)
    try:
        text = _text(source).removeprefix("\ufeff")
        text.encode()
    except UnicodeError as error:
        raise FormatError(f"{name}: {_undecodable(error)}") from error
    except OSError as error:
        raise FormatError(f"{name} cannot be read: {error.strerror or error}") from error
    if not text.strip():
        raise FormatError(f"{name} is empty: expected segments")
    return Document(name, Path(name).suffix.lower(), text)


def numbered_lines(text: str) -> list[Line]:
    """The lines of a text that ends them with LF, CRLF or CR, and with nothing else."""
    return [Line(number, line) for number, line in enumerate(_LINE_END.split(text), 1)]


def unexpected(where: str, found: object, expected: str) -> FormatError:
    """The error for `found`, which is shortened, at a line or an index."""
    shown = _SHORTENED.repr(found)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}..."
    return FormatError(f"{where}: found {shown}, expected {expected}")


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "the stream"))


def _text(source: Source) -> str:
    if not isinstance(source, str | os.PathLike):
        return source.read()
    if "\0" in os.fspath(source):
        raise FormatError(f"{os.fspath(source)!r} is no path: it holds a NUL")
    data = Path(source).read_bytes()
    return data.decode("utf-16" if data.startswith(_UTF16_MARKS) else "utf-8-sig")


def _undecodable(error: UnicodeError) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return "found bytes that are no text, expected UTF-8"
    line = error.object.count(b"\n", 0, error.start) + 1
    byte = error.object[error.start : error.start + 1].hex()
    return f"line {line}: found the byte 0x{byte}, expected text in {error.encoding}"
