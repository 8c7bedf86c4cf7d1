"""Names that people and pipelines give to videos and speakers."""

from __future__ import annotations

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
        raise ValueError(f"{what} must be text, and {name[:40]!a} is not UTF-8")
    return name


def is_text(name: str) -> bool:
    """Whether Postgres can store the name; if not, nothing in a store has it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name
