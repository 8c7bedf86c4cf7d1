"""Names that people and pipelines give to videos and speakers."""

from __future__ import annotations

import re

#: Half a character, which no encoding has.
SURROGATE = re.compile("[\ud800-\udfff]")
# What Python makes of the bytes that it cannot decode: "surrogateescape", PEP 383.
_ESCAPED = range(0xDC80, 0xDD00)
#: In characters. With four bytes each, a name still fits a row of its unique index.
MAX_LENGTH = 500


def checked(name: str, what: str) -> str:
    """The same name; raises `ValueError` if it is blank, too long, or not text for Postgres."""
    if not isinstance(name, str):
        raise ValueError(f"{what} must be text, and {name!r} is of type {type(name).__name__}")
    if not name.strip():
        raise ValueError(f"{what} must not be empty")
    if len(name) > MAX_LENGTH:
        raise ValueError(
            f"{what} must not be longer than {MAX_LENGTH:,} characters, and {name[:20]!r}… has"
            f" {len(name):,}"
        )
    if "\0" in name:
        raise ValueError(f"{what} must not contain a NUL character: {name[:40]!r}")
    if not is_text(name):
        raise ValueError(f"{what} must be text in UTF-8, and {name[:40]!a} has {flaw_of(name)}")
    return name


def is_text(name: str) -> bool:
    """Whether Postgres can store the name; if not, nothing in a store has it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


def flaw_of(text: str) -> str:
    """The first lone surrogate of a text, or the byte that Python could not decode."""
    found = SURROGATE.search(text)
    if found is None:
        return "a NUL"
    code = ord(found[0])
    byte = f"the byte 0x{code - 0xDC00:02x}"
    return byte if code in _ESCAPED else f"a lone surrogate U+{code:04X}"
