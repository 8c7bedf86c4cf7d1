"""Which tool wrote a JSON document: decided by its keys, never by the file's name."""

from __future__ import annotations

from functools import lru_cache

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.json.catalog import SERVICES
from pgvoice.hooks.formats.json.json_objects import parse_json
from pgvoice.hooks.formats.json.services import with_keys
from pgvoice.hooks.formats.json.whisperx import matches_whisperx

#: By the format's name; a document matches at most one.
MATCHES = {
    "whisperx": matches_whisperx,
    **{service.name: service.matches for service in SERVICES},
}


# Every format is asked about the same text.
@lru_cache(maxsize=1)
def kind_of(text: str) -> str | None:
    """The name of the format that a JSON object has; None for any other text."""
    if text.lstrip()[:1] != "{":
        return None
    try:
        return kind_of_object(parse_json(text))
    except FormatError:
        return None


def kind_of_object(found: object) -> str | None:
    """The name of the format that a parsed object has; None if it is unknown."""
    return next((name for name, matches in MATCHES.items() if matches(found)), None)


def unknown(found: object) -> FormatError:
    """The error for a document that should be a list of segments."""
    if kind := kind_of_object(found):
        return FormatError(
            f"line 1: found the JSON of {kind}, expected a list of segments: name that format"
        )
    known = ", ".join(sorted(MATCHES))
    return FormatError(
        f"line 1: found {with_keys(found)}, expected a list of segments, or the JSON of {known}"
    )
