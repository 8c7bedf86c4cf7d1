"""``Format``: how a file of turns is recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pgvoice.hooks.answers import Labelled
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
    read: ReadText
    #: Whether a document looks like this format; decides if the suffix does not.
    matches: Callable[[str], bool]
    #: None if the format is read-only.
    write: WriteText | None = None


class RegisterFormat(Protocol):
    """Registers a format under its name."""

    def __call__(self, new: Format, /) -> None: ...
