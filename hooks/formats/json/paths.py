"""``walk``: the values that a path leads to in parsed JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Keys of objects and indices of lists; `EACH` stands for every item of a list.
Path = tuple[str | int, ...]
EACH = "*"


def walk(found: Any, path: Path) -> Iterator[Any]:
    """The values at a path, in order, without nulls; none if the path leads nowhere."""
    if not path:
        if found is not None:
            yield found
        return
    step, rest = path[0], path[1:]
    if isinstance(found, list):
        if step == EACH:
            for item in found:
                yield from walk(item, rest)
        elif isinstance(step, int) and step < len(found):
            yield from walk(found[step], rest)
    elif isinstance(found, dict) and step in found:
        yield from walk(found[step], rest)


def leads(found: Any, path: Path) -> bool:
    """Whether a path leads to any value."""
    return next(walk(found, path), None) is not None
