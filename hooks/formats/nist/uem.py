"""UEM, NIST's "unpartitioned evaluation map": the regions of recordings that are scored."""

from __future__ import annotations

import math

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Source, load_document
from pgvoice.hooks.formats.nist.fields import Fields, field_lines, first_lines, is_number

UEM_SUFFIX = ".uem"
_LINE = "recording channel begin end"

#: Start and end in seconds.
Region = tuple[float, float]


def read_uem(path_or_file: Source) -> dict[str, list[Region]]:
    """The regions of each recording, in order and without overlaps; what is outside is skipped.

    Raises `FormatError` as `read_segments` does.
    """
    found = load_document(path_or_file)
    try:
        return parse_uem(found.text)
    except FormatError as error:
        raise FormatError(f"{found.name}, read as uem, {error}") from error


def parse_uem(text: str) -> dict[str, list[Region]]:
    """The regions of a document by recording; channels are taken together."""
    found: dict[str, list[Region]] = {}
    for line in field_lines(text):
        if len(line.fields) != 4:
            raise line.expected(_LINE)
        found.setdefault(line.fields[0], []).append(_region(line))
    return {recording: _joined(regions) for recording, regions in found.items()}


def matches_uem(text: str) -> bool:
    """Whether the lines of a text are a recording, a channel and two times each."""
    lines = first_lines(text)
    return bool(lines) and all(
        len(line.fields) == 4 and all(map(is_number, line.fields[2:])) for line in lines
    )


def _region(line: Fields) -> Region:
    start, end = (float(line.seconds(place)) for place in (2, 3))
    if not 0 <= start < end < math.inf:
        raise line.expected("a begin in seconds, and an end after it")
    return start, end


def _joined(regions: list[Region]) -> list[Region]:
    joined: list[Region] = []
    for start, end in sorted(regions):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
