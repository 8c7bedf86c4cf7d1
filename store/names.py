"""Names that people and pipelines give to videos and speakers."""

from __future__ import annotations


def checked(name: str, whose: str) -> str:
    """The name as it is; `ValueError` for one that is blank or that Postgres cannot hold."""
    if not name.strip():
        raise ValueError(f"{whose} must not be empty")
    if "\0" in name:
        raise ValueError(f"{whose} must not hold a NUL character: {name[:40]!r}")
    return name
