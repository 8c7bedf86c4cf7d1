"""``read_segments`` and ``read_document``: a file of any registered format, as segments."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.choosing import choose_format, named_format
from pgvoice.hooks.formats.documents import Source, load_document
from pgvoice.hooks.formats.format import Format
from pgvoice.store.turns import Turn


@dataclass(frozen=True, slots=True)
class SegmentsDocument:
    """A file that was read, with all that is needed to write it back."""

    name: str
    format: Format
    #: Without a byte order mark; `encoding` says whether there was one.
    text: str
    encoding: str
    #: The recording whose segments these are, in formats whose files hold several.
    uri: str | None
    segments: tuple[Turn, ...]


def read_segments(
    path_or_file: Source,
    format: str | None = None,  # noqa: A002
    uri: str | None = None,
) -> list[Turn]:
    """The segments of a file, or of an open text stream, in its order.

    The format is the one named, else the one that the suffix and the content say. `uri` picks a
    recording of an RTTM file that holds several; the other formats hold one and ignore it. Raises
    `FormatError`, one sentence, for a file that cannot be read, is empty, or is malformed.
    """
    return list(read_document(path_or_file, format, uri).segments)


def read_document(
    path_or_file: Source,
    format: str | None = None,  # noqa: A002
    uri: str | None = None,
) -> SegmentsDocument:
    """What `read_segments` reads, kept so that `write_labels` can write it back."""
    named = None if format is None else named_format(format)
    found = load_document(path_or_file)
    chosen = named or choose_format(found)
    try:
        segments = chosen.read(found.text, uri=uri)
    except FormatError as error:
        raise FormatError(f"{found.name}, read as {chosen.name}, {error}") from error
    return SegmentsDocument(found.name, chosen, found.text, found.encoding, uri, tuple(segments))
