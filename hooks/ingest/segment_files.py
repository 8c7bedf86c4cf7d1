"""``read_part``: a recording's turns in a file, which may cover a whole library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import shown
from pgvoice.hooks.formats.reading import read_document, read_recordings
from pgvoice.store.turns import Turn

#: Files whose turns are kept in memory: rows of a manifest that share one follow each other.
KEPT = 2
#: Recordings that a message names.
_NAMED = 5

#: Turns by recording; or those of a file that is about one.
_Parts = Mapping[str, Sequence[Turn]] | Sequence[Turn]


def read_part(path: str, uri: str | None, video: str) -> list[Turn]:
    """The turns of the recording `uri`, or else `video`, in a file of any registered format.

    A file of one recording is that recording's, whatever it is called there, unless `uri` says
    otherwise. A file is parsed once for all of its recordings, and again if it has changed. Raises
    `FormatError`.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise FormatError(f"{path}: {why}") from error
    parts = _parts(path, (status.st_mtime_ns, status.st_size))
    if not isinstance(parts, Mapping):
        return list(parts if uri is None else read_document(path, uri=uri).segments)
    key = video if uri is None else uri
    if key not in parts:
        raise FormatError(f"{path} has no recording {shown(key)}; {_listed(parts)}")
    return list(parts[key])


@lru_cache(maxsize=KEPT)
def _parts(path: str, _version: tuple[int, int]) -> _Parts:
    try:
        return read_document(path).segments
    except FormatError:
        recordings = _several(path)
        if recordings is None:
            raise
        return recordings


def _several(path: str) -> dict[str, list[Turn]] | None:
    """Turns by recording, if the file names several recordings."""
    try:
        return read_recordings(path)
    except FormatError:
        return None


def _listed(parts: Mapping[str, Sequence[Turn]]) -> str:
    named = ", ".join(shown(name) for name in list(parts)[:_NAMED])
    return (
        f"it has {named}{f' and {len(parts) - _NAMED:,} more' if len(parts) > _NAMED else ''}:"
        " name one of them in the column uri"
    )
