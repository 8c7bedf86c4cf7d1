"""``read_segments`` and its siblings: the turns of a file in any registered format."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Document, Source, load_document
from pgvoice.hooks.formats.format import Format, RegisterFormat
from pgvoice.hooks.formats.json.json_formats import JSON, JSON_FORMATS, segments_of
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.formats.json.recognition import kind_of_object
from pgvoice.hooks.formats.rttm import RTTM, read_all_rttm
from pgvoice.hooks.formats.subtitles.subtitles import SRT, VTT
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.specs import hookimpl
from pgvoice.store.turns import Turn


@cache
def registered_formats() -> dict[str, Format]:
    """Every format by name; raises `PluginError` if two have the same name."""
    return calls.registered("register_formats", "a format", lambda _plugin, new: new)


def named_format(name: str) -> Format:
    """The format of a name; raises `FormatError` with the known names."""
    formats = registered_formats()
    if name not in formats:
        raise FormatError(f"unknown format {name!r}; choose one of: {_names()}")
    return formats[name]


def choose_format(document: Document) -> Format:
    """The format with the document's suffix; if none or several have it, the content decides.

    If the content matches none of those with the suffix, it is the first of them, whose reader
    then reports what is wrong. Raises `FormatError` if neither suffix nor content is known.
    """
    every = list(registered_formats().values())
    by_suffix = [each for each in every if document.suffix in each.suffixes]
    if len(by_suffix) == 1:
        return by_suffix[0]
    for each in by_suffix or every:
        if each.matches(document.text):
            return each
    if by_suffix:
        return by_suffix[0]
    if document.text.lstrip()[:1] == "{":
        return JSON  # whose reader lists the known kinds of objects
    raise FormatError(f"{document.name} matches no known format; choose one of: {_names()}")


def _names() -> str:
    return ", ".join(sorted(registered_formats()))


@dataclass(frozen=True, slots=True)
class SegmentsDocument:
    """A file that was read, with everything needed to write it back."""

    name: str
    format: Format
    #: Without a byte order mark; `encoding` shows whether there was one.
    text: str
    encoding: str
    #: The recording of these segments, in formats whose files may cover several.
    uri: str | None
    segments: tuple[Turn, ...]


def read_segments(
    path_or_file: Source,
    format: str | None = None,  # noqa: A002
    uri: str | None = None,
) -> list[Turn]:
    """The segments of a file, or of an open text stream, in its order.

    Without `format`, the suffix and the content decide. `uri` selects a recording of an RTTM file
    that covers several; other formats ignore it. Raises `FormatError` for a file that is
    unreadable, empty or malformed.
    """
    return list(read_document(path_or_file, format, uri).segments)


def read_document(
    path_or_file: Source,
    format: str | None = None,  # noqa: A002
    uri: str | None = None,
) -> SegmentsDocument:
    """Like `read_segments`, but the result can be passed to `write_labels` as its source."""
    named = None if format is None else named_format(format)
    found = load_document(path_or_file)
    chosen = named or choose_format(found)
    try:
        segments = chosen.read(found.text, uri=uri)
    except FormatError as error:
        raise FormatError(f"{found.name}, read as {chosen.name}, {error}") from error
    return SegmentsDocument(found.name, chosen, found.text, found.encoding, uri, tuple(segments))


def read_recordings(path_or_file: Source) -> dict[str, list[Turn]] | None:
    """Segments by recording; None if the file does not name its recordings.

    RTTM names them by file ids, JSON as the keys of an object: ``{"talk": [[0, 2.5], …], …}``.
    Raises `FormatError` as `read_segments` does.
    """
    found = load_document(path_or_file)
    try:
        if found.suffix in RTTM.suffixes or RTTM.matches(found.text):
            return read_all_rttm(found.text)
        return _of_object(found.text) if found.text.lstrip().startswith("{") else None
    except FormatError as error:
        raise FormatError(f"{found.name}, {error}") from error


def _of_object(text: str) -> dict[str, list[Turn]] | None:
    found = parse_json(text)
    if not isinstance(found, dict) or kind_of_object(found):
        return None
    recordings: dict[str, list[Turn]] = {}
    for recording, listed in found.items():
        if isinstance(listed, list):
            try:
                recordings[recording] = segments_of(listed)
            except FormatError as error:
                raise FormatError(f"{recording!r}, {error}") from error
    return recordings or None


@hookimpl
def register_formats(register: RegisterFormat) -> None:
    for each in (*JSON_FORMATS, RTTM, SRT, VTT):
        register(each)
