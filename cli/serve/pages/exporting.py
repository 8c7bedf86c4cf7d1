"""Downloads of a recording's turns with names, in any format that pgvoice writes."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import Response

from pgvoice.cli.serve import encoders
from pgvoice.cli.serve.site import Site
from pgvoice.cli.serve.timeline.rows import Answers
from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.format import Format
from pgvoice.hooks.formats.reading import named_format, registered_formats
from pgvoice.hooks.formats.writing import write_labels
from pgvoice.hooks.identify import identify
from pgvoice.hooks.labels_export import stored_labels
from pgvoice.hooks.results import Labelled, with_voices_as_names
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: Bytes of a file name without its suffix, at most; file systems take 255.
LONGEST = 120
_MEDIA = {".json": "application/json", ".vtt": "text/vtt", ".eaf": "application/xml"}
#: The formats that most people look for come first.
_FIRST = ("vtt", "srt", "rttm", "whisperx", "json")


def make(site: Site) -> APIRouter:
    router = APIRouter()

    @router.get("/recording/export")
    def export(
        video: str,
        format_name: Annotated[str, Query(alias="format")] = "vtt",
        answers: Answers = "stored",
        encoder: str | None = None,
    ) -> Response:
        chosen = named_format(format_name)
        labelled = _labelled(site.store, video, answers, encoder)
        written = write_labels(labelled, chosen.name, uri=video)
        suffix = chosen.suffixes[0]
        return Response(
            written.encode("utf-8", "backslashreplace"),
            media_type=_MEDIA.get(suffix, "text/plain") + "; charset=utf-8",
            headers={
                "Content-Disposition": attachment(video, suffix),
                "X-Content-Type-Options": "nosniff",
            },
        )

    return router


def _labelled(
    store: VoiceStore, video: str, answers: Answers, encoder: str | None
) -> list[Labelled]:
    """The turns with the names of their labels, or with those that identify answers now."""
    which = encoders.identity(store, encoder)
    if answers == "stored":
        return stored_labels(store, video, encoder=which)
    linked = store.voices.settings().enabled
    return with_voices_as_names(identify(store, video, encoder=which, voices=linked).labels)


@cache
def formats() -> list[Format]:
    """The formats that turns can be written in, those first that most people look for."""
    place = {name: number for number, name in enumerate(_FIRST)}
    written = [each for each in registered_formats().values() if _writes_turns(each)]
    return sorted(written, key=lambda each: (place.get(each.name, len(place)), each.name))


def _writes_turns(one: Format) -> bool:
    """Whether the format needs no more than turns, such as a time for each word."""
    try:
        write_labels([Labelled(Turn(0.0, 1.0, "A", "a"), None)], one.name, uri="a")
    except FormatError:
        return False
    return True


def attachment(video: str, suffix: str) -> str:
    """A Content-Disposition with a safe file name for any recording's key (RFC 6266)."""
    name = _file_name(video)
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    exact = quote(name + suffix, safe="")
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{exact}"


def _file_name(video: str) -> str:
    """The key without what file systems or terminals could stumble over."""
    safe = "".join(c if c.isprintable() and c not in '/\\:*?"<>|%' else "_" for c in video)
    cut = safe.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore")
    return cut.strip(" .").lstrip(".-") or "recording"
