"""``Format``: how a file of turns is recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pgvoice.hooks.answers import Labelled
from pgvoice.store.turns import Turn


class ReadText(Protocol):
    """Reads a whole document; raises `FormatError` that names the line or the index.

    `uri` picks one recording, in formats whose files hold several.
    """

    def __call__(self, text: str, *, uri: str | None) -> list[Turn]: ...


class WriteText(Protocol):
    """Writes a whole document; raises `FormatError` for what the format cannot hold.

    `source` is the document whose segments were labelled, read with the same `uri`: all but the
    speakers stays as it is there. None writes a new document of the segments and their speakers,
    about the recording `uri`.
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
    #: Whether a document looks like this format; decides where the suffix does not.
    matches: Callable[[str], bool]
    #: None for a format that is only read.
    write: WriteText | None = None


class RegisterFormat(Protocol):
    """Makes a format known by its name."""

    def __call__(self, new: Format, /) -> None: ...
