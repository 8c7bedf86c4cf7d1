"""``read_segments`` and its siblings: the turns of a file in any registered format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import chain

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Document, Source, load_document
from pgvoice.hooks.formats.format import Format, RegisterFormat
from pgvoice.hooks.formats.json.json_formats import JSON, JSON_FORMATS, segments_of
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.formats.json.recognition import kind_of_object
from pgvoice.hooks.formats.nist.ctm import CTM
from pgvoice.hooks.formats.nist.stm import STM
from pgvoice.hooks.formats.nist.uem import UEM_SUFFIX, matches_uem
from pgvoice.hooks.formats.rttm import RTTM
from pgvoice.hooks.formats.subtitles.substation import ASS, SSA
from pgvoice.hooks.formats.subtitles.subtitles import SRT, VTT
from pgvoice.hooks.formats.tracks.audacity import AUDACITY
from pgvoice.hooks.formats.tracks.elan import ELAN
from pgvoice.hooks.formats.tracks.textgrid import TEXTGRID
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.specs import hookimpl
from pgvoice.store.turns import Turn

#: A suffix that says nothing about the format.
ANY_TEXT = ".txt"


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

    The content also decides for `.txt`. If it matches none of those with the suffix, it is the
    first of them, whose reader then reports what is wrong. Raises `FormatError` if neither suffix
    nor content is known, and for UEM, which has no segments.
    """
    every = list(registered_formats().values())
    by_suffix = [each for each in every if document.suffix in each.suffixes]
    if len(by_suffix) == 1 and document.suffix != ANY_TEXT:
        return by_suffix[0]
    first = by_suffix if document.suffix != ANY_TEXT else every
    for each in first or every:
        if each.matches(document.text):
            return each
    if document.suffix == UEM_SUFFIX or (not by_suffix and matches_uem(document.text)):
        raise FormatError(
            f"{document.name} is a UEM file, which says what is scored and not who speaks:"
            " `pgvoice evaluate` and `pgvoice calibrate` take it as --uem"
        )
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
    """The segments of a file, or of an open stream, in its order; of tiers by time.

    Without `format`, the suffix and the content decide. `uri` selects a recording of an RTTM, CTM
    or STM file that covers several; other formats ignore it. Raises `FormatError` for a file that
    is unreadable, empty or malformed.
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

    RTTM, CTM and STM name them by file ids, JSON as the keys of an object:
    ``{"talk": [[0, 2.5], …], …}``.
    Raises `FormatError` as `read_segments` does.
    """
    found = load_document(path_or_file)
    try:
        named = _naming_recordings(found)
        if named is not None:
            return named(found.text)
        return _of_object(found.text) if found.text.lstrip().startswith("{") else None
    except FormatError as error:
        raise FormatError(f"{found.name}, {error}") from error


def _naming_recordings(document: Document) -> Callable[[str], dict[str, list[Turn]]] | None:
    every = [each for each in registered_formats().values() if each.recordings is not None]
    by_suffix = (each for each in every if document.suffix in each.suffixes)
    by_content = (each for each in every if each.matches(document.text))
    found = next(chain(by_suffix, by_content), None)
    return found.recordings if found is not None else None


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
    # SubStation's scripts begin with a bracket, as JSON does.
    for each in (ASS, SSA, *JSON_FORMATS, RTTM, SRT, VTT):
        register(each)
    for each in (CTM, STM, AUDACITY, ELAN, TEXTGRID):
        register(each)
