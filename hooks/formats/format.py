"""What a format is, and the segment that all of them read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class InputSegment:
    """A segment as its file says it; whether it is a span of time is not judged here."""

    #: Seconds; may be NaN, negative or after `end`.
    start: float
    #: Seconds.
    end: float
    #: The speaker as the diarizer or the reference calls them, such as ``SPEAKER_00``.
    label: str | None = None
    text: str | None = None


class ReadText(Protocol):
    """Reads a whole document; raises `FormatError` that names the line or the index.

    `uri` picks one recording, in formats whose files hold several.
    """

    def __call__(self, text: str, *, uri: str | None) -> list[InputSegment]: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A file format for segments."""

    name: str
    #: In lower case, with their dot.
    suffixes: tuple[str, ...]
    read: ReadText
    #: Whether a document looks like this format; decides where the suffix does not.
    matches: Callable[[str], bool]


class RegisterFormat(Protocol):
    """Makes a format known by its name."""

    def __call__(self, new: Format, /) -> None: ...
