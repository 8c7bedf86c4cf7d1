"""``write_labels``: names in a document of any format, or in the objects of Python libraries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.encodings import encoded
from pgvoice.hooks.formats.format import Format
from pgvoice.hooks.formats.objects import label_objects
from pgvoice.hooks.formats.reading import SegmentsDocument, named_format, registered_formats
from pgvoice.hooks.new_files import write_file
from pgvoice.hooks.results import Labelled

_NEW = "json"


@overload
def write_labels(
    labelled: Iterable[Labelled],
    format: str | None = None,
    *,
    source: SegmentsDocument | None = None,
    uri: str | None = None,
) -> str: ...


@overload
def write_labels(
    labelled: Iterable[Labelled], format: None = None, *, source: Any, uri: None = None
) -> Any: ...


def write_labels(
    labelled: Iterable[Labelled],
    format: str | None = None,  # noqa: A002
    *,
    source: Any = None,
    uri: str | None = None,
) -> Any:
    """The source with names; `labelled` must have an answer for each of its segments, in order.

    A `SegmentsDocument` becomes text in its own format, with nothing lost. With another `format`,
    or without a source, the text is a new document of segments and speakers for the recording
    `uri`. For a pyannote ``Annotation`` or ``DiarizeOutput``, or a list of faster-whisper's
    segments, see `label_objects`. Raises `FormatError` for a name that the format cannot represent,
    and for labels of other segments.
    """
    every = list(labelled)
    if source is not None and not isinstance(source, SegmentsDocument):
        return label_objects(every, source)
    chosen = source.format if source and format is None else named_format(format or _NEW)
    kept = source if source is not None and source.format.name == chosen.name else None
    try:
        if kept is None:
            return _writer(chosen)(every, source=None, uri=uri)
        return _writer(chosen)(every, source=kept.text, uri=kept.uri)
    except FormatError as error:
        named = f"{source.name}, " if source is not None else ""
        raise FormatError(f"{named}written as {chosen.name}, {error}") from error


def save_labels(
    labelled: Sequence[Labelled],
    path: Path,
    format: str | None = None,  # noqa: A002
    *,
    source: SegmentsDocument | None = None,
    uri: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the result of `write_labels` to a new file, in the source's encoding or UTF-8.

    Without `format`, the file's suffix decides, which a format must have. `overwrite` replaces an
    existing file, or a link but not its target. Raises `FormatError`, and leaves an existing file
    unchanged, if the file cannot be written.
    """
    chosen = format or format_for(path, source)
    text = write_labels(labelled, chosen, source=source, uri=uri)
    kept = source is not None and source.format.name == chosen
    try:
        data = encoded(text, source.encoding if kept and source is not None else "utf-8")
        write_file(path, data, overwrite=overwrite)
    except FileExistsError as error:
        raise FormatError(
            f"{path} exists: choose another file, or overwrite it (--overwrite)"
        ) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise FormatError(f"cannot write {path}: {why}; choose another file") from error


def format_for(path: Path, source: SegmentsDocument | None) -> str:
    """The format of a file's suffix; the source's own if several have it, else the first of them.

    Raises `FormatError` with the known suffixes if none has it.
    """
    written = [each for each in registered_formats().values() if each.write is not None]
    fitting = [each.name for each in written if path.suffix.lower() in each.suffixes]
    if not fitting:
        known = ", ".join(sorted({suffix for each in written for suffix in each.suffixes}))
        found = f"the suffix {path.suffix!r} of no format" if path.suffix else "no suffix"
        raise FormatError(
            f"{path} has {found}: use one of {known}, or name the format (--output-format)"
        )
    own = source.format.name if source is not None else _NEW
    return own if own in fitting else fitting[0]


def _writer(chosen: Format) -> Any:
    if chosen.write is None:
        written = [each.name for each in registered_formats().values() if each.write]
        raise FormatError(f"the format is read-only; choose one of: {', '.join(sorted(written))}")
    return chosen.write
