"""What reaches the terminal: text without characters that control it.

Names of recordings and people, transcripts, paths and plugins are other people's text. Everything
that the command line prints passes a `Guarded` stream: messages, errors, help, warnings, logs and
tracebacks. Only colours and progress that pgvoice draws itself use the stream below it.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

#: Colours and the like, which are dropped as click does without a terminal.
_STYLES = re.compile(r"\x1b\[[;?0-9]*[a-zA-Z]")
#: Everything but plain ASCII and the ends of lines.
_UNUSUAL = re.compile(r"[^\n\t -~]")
_LINE_ENDS = re.compile(r"\r\n?")
#: Controls, formats (such as changes of direction), surrogates, separators of lines.
_HARMFUL = ("Cc", "Cf", "Cs", "Zl", "Zp")


def harmless(text: str) -> str:
    """Text of any number of lines in which nothing controls the terminal."""
    if _is_plain(text):
        return text
    return _UNUSUAL.sub(_replaced, _LINE_ENDS.sub("\n", _STYLES.sub("", text)))


def escaped(document: str) -> str:
    """A JSON document that is equal, with escapes for what controls a terminal."""
    return document if _is_plain(document) else _UNUSUAL.sub(_escape, document)


def _is_plain(text: str) -> bool:
    """Whether nothing needs to be looked at; fast, also for other scripts."""
    return text.replace("\n", "").replace("\t", "").isprintable()


def _replaced(found: re.Match[str]) -> str:
    return "\N{REPLACEMENT CHARACTER}" if _is_harmful(found[0]) else found[0]


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if not _is_harmful(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _is_harmful(character: str) -> bool:
    return unicodedata.category(character) in _HARMFUL


class Guarded:
    """A text stream that passes on only what is harmless; binary data of `buffer` as it is."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(harmless(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def guard() -> None:
    """From now on, let through only harmless text to standard output and standard error."""
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)


def _guarded(stream: TextIO) -> TextIO:
    """Also makes the stream accept every character; click writes UTF-8 instead of ASCII too."""
    if stream is None or isinstance(stream, Guarded):  # None if it was closed
        return stream
    if isinstance(stream, io.TextIOWrapper):
        ascii_only = codecs.lookup(stream.encoding).name == "ascii"
        encoding = "utf-8" if ascii_only else stream.encoding
        stream.reconfigure(encoding=encoding, errors="backslashreplace")
    return cast(TextIO, Guarded(stream))


@contextmanager
def guarded() -> Iterator[None]:
    """Like `guard`, until the end; an error keeps the guard, for the traceback that follows."""
    before = sys.stdout, sys.stderr
    guard()
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        sys.stdout, sys.stderr = before
        raise
    sys.stdout, sys.stderr = before


def unguarded(stream: TextIO) -> TextIO:
    """The stream below the guard, for text that pgvoice itself made harmless and coloured."""
    return stream.stream if isinstance(stream, Guarded) else stream
