"""Server-sent events: documents one after the other, in an answer that goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.responses import StreamingResponse

#: Says that nothing happened, so that nobody between takes the connection for dead.
QUIET = format_sse_event(comment="quiet")


class EventStream(StreamingResponse):
    """An answer of server-sent events."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        # Nginx would hold events back.
        super().__init__(events, headers={"X-Accel-Buffering": "no"})


def event(kind: str, data: BaseModel, id_: str) -> bytes:
    """An event with its name, its document, and what a browser sends back to go on after it."""
    return format_sse_event(event=kind, data_str=data.model_dump_json(), id=id_)


def comment(text: str, id_: str) -> bytes:
    """What programs do not see but the id."""
    return format_sse_event(comment=text, id=id_)


def described(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """How a route says what it answers: a stream of such documents."""
    told = f"Server-sent events; the data of each is a {model.__name__} as JSON."
    schema = {
        "type": "object",
        "description": "An event.",
        "properties": {
            "event": {"type": "string"},
            "id": {"type": "string", "description": "To go on after it: `Last-Event-ID`."},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": f"#/components/schemas/{model.__name__}"},
            },
        },
    }
    return {200: {"description": told, "content": {"text/event-stream": {"schema": schema}}}}
