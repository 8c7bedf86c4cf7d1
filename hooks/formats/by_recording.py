"""``read_recordings``: the segments of a file that covers several recordings."""

from __future__ import annotations

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Source, load_document
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.formats.json.plain_json import segments_of
from pgvoice.hooks.formats.rttm import RTTM, read_all_rttm
from pgvoice.store.turns import Turn


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
    if not isinstance(found, dict) or "segments" in found:
        return None
    recordings: dict[str, list[Turn]] = {}
    for recording, listed in found.items():
        if isinstance(listed, list):
            try:
                recordings[recording] = segments_of(listed)
            except FormatError as error:
                raise FormatError(f"{recording!r}, {error}") from error
    return recordings or None
