"""Names that people and pipelines give to videos and speakers."""

from __future__ import annotations

#: Characters. With four bytes each it still fits a row of the unique index that names have.
MAX_LENGTH = 500


def checked(name: str, whose: str) -> str:
    """The name as it is; `ValueError` for one that is blank, too long, or not text to Postgres."""
    if not isinstance(name, str):
        raise ValueError(f"{whose} must be text, and {name!r} is of type {type(name).__name__}")
    if not name.strip():
        raise ValueError(f"{whose} must not be empty")
    if len(name) > MAX_LENGTH:
        raise ValueError(
            f"{whose} must not be longer than {MAX_LENGTH:,} characters, and {name[:20]!r}… has"
            f" {len(name):,}"
        )
    if "\0" in name:
        raise ValueError(f"{whose} must not hold a NUL character: {name[:40]!r}")
    if not is_text(name):
        raise ValueError(f"{whose} must be text, and {name[:40]!a} is not UTF-8")
    return name


def is_text(name: str) -> bool:
    """Whether Postgres could hold it at all; nothing in a store is called what it could not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name
