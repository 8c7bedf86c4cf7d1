"""Source lists: people and the recordings of their voices.

``{"sources":[{"url"}]}``, and ``{"key":{"name","urls":[…],"threshold","metadata"}}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.profiles.original import threshold_note
from pgvoice.hooks.sources.resolve import resolve_audio


@dataclass(frozen=True, slots=True)
class SourceList:
    """Recordings in which only one person speaks."""

    #: None if the list has no name.
    name: str | None
    urls: tuple[str, ...]
    notes: tuple[str, ...]


def is_source_lists(found: dict[str, object]) -> bool:
    """Whether a JSON object is one source list or several."""
    if "sources" in found:
        return True
    return bool(found) and all(isinstance(one, dict) and "urls" in one for one in found.values())


def read_source_lists(found: dict[str, object]) -> list[SourceList]:
    """The lists of a JSON object; raises `FormatError` if one is malformed."""
    if "sources" in found:
        name = found.get("name")
        urls = _urls("sources", found["sources"])
        return [SourceList(str(name) if name else None, urls, tuple(threshold_note(found)))]
    return [_named(key, one) for key, one in found.items()]


def find_recordings(urls: Sequence[str], folder: Path) -> list[Path]:
    """The file of each url: a path, which may be relative to `folder`, or from an audio source.

    Raises `AudioNotFound` for the first one without a file, and `AudioSourceFailed`.
    """
    return [_recording(url, folder) for url in urls]


def _named(key: str, one: object) -> SourceList:
    if not isinstance(one, dict):
        raise unexpected(key, one, "an object with urls")
    urls = _urls(key, one["urls"])
    return SourceList(str(one.get("name") or key), urls, tuple(threshold_note(one)))


def _urls(where: str, listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed:
        raise unexpected(where, listed, "a list of recordings")
    urls = [one.get("url") if isinstance(one, dict) else one for one in listed]
    for place, url in enumerate(urls):
        if not isinstance(url, str) or not url:
            raise FormatError(f"{where} {place}: found no url, expected a file or an id")
    return tuple(str(url) for url in urls)


def _recording(url: str, folder: Path) -> Path:
    parts = urlsplit(url)
    given = Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)
    for path in (folder / given, given):
        if path.is_file():
            return path
    return resolve_audio(url)
