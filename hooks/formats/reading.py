"""``read_segments`` and ``read_document``: the segments of a file in any registered format."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.choosing import choose_format, named_format
from pgvoice.hooks.formats.documents import Source, load_document
from pgvoice.hooks.formats.format import Format
from pgvoice.store.turns import Turn


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
