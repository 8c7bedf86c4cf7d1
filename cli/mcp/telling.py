"""How tools answer: errors of pgvoice as its sentence, acts with the agent as their author."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from pgvoice.cli import errors
from pgvoice.store.voice_store import VoiceStore

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
#: Who acts: this, and the name by which the client calls itself.
AUTHOR = "mcp"
#: Characters of a client's name that are kept.
_LONGEST = 100


def told(tool: Callable[_Arguments, _Answer]) -> Callable[_Arguments, _Answer]:
    """The tool, which fails with the sentence of an error that pgvoice foresaw."""

    @wraps(tool)
    def call(*args: _Arguments.args, **given: _Arguments.kwargs) -> _Answer:
        try:
            return tool(*args, **given)
        except Exception as error:
            if (foreseen := errors.explain(error)) is None:
                raise
            raise ToolError(foreseen.format_message()) from error

    return call


@contextmanager
def acting(store: VoiceStore, context: Context) -> Iterator[None]:
    """Act on behalf of the client, by the name that it gives itself."""
    with store.on_behalf_of(author_of(context)):
        yield


def author_of(context: Context) -> str:
    """``mcp``, or for example ``mcp: claude-desktop``; without what no line can show."""
    params = context.session.client_params
    name = params.client_info.name if params else ""
    shown = "".join(c if c.isprintable() else " " for c in name[:_LONGEST]).strip()
    return f"{AUTHOR}: {shown}" if shown else AUTHOR
