"""``read_segments``: a file of any registered format, as segments."""

from __future__ import annotations

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Source, load_document
from pgvoice.hooks.formats.format import InputSegment
from pgvoice.hooks.formats.registry import choose_format, named_format


def read_segments(
    path_or_file: Source,
    format: str | None = None,  # noqa: A002
    uri: str | None = None,
) -> list[InputSegment]:
    """The segments of a file, or of an open text stream, in its order.

    The format is the one named, else the one that the suffix and the content say. `uri` picks a
    recording of an RTTM file that holds several; the other formats hold one and ignore it. Raises
    `FormatError`, one sentence, for a file that cannot be read, is empty, or is malformed.
    """
    named = None if format is None else named_format(format)
    document = load_document(path_or_file)
    chosen = named or choose_format(document)
    try:
        return chosen.read(document.text, uri=uri)
    except FormatError as error:
        raise FormatError(f"{document.name}, read as {chosen.name}, {error}") from error
