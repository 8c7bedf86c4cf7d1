"""``pgvoice mcp`` in the test's own process, called through the SDK's client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, TextContent, Tool

from pgvoice.cli.mcp.server import make_server
from pgvoice.store import VoiceStore

#: Calls a tool by name with its arguments, and returns what the client gets.
Ask = Callable[..., CallToolResult]
#: A server, its address, or how to reach it.
Server = Any


def asking(store: VoiceStore, *, allow_naming: bool = False, **options: Any) -> Ask:
    """Asks a server of the store; `options` are those of the client."""
    server = make_server(store, allow_naming=allow_naming)
    return lambda tool, **arguments: call(server, tool, arguments, **options)


def call(
    server: Server, tool: str, arguments: dict[str, object] | None = None, **options: Any
) -> CallToolResult:
    """Call one tool."""

    async def ask() -> CallToolResult:
        async with Client(server, **options) as client:
            return await client.call_tool(tool, arguments or {})

    return anyio.run(ask)


def tools(server: Server, **options: Any) -> dict[str, Tool]:
    """The tools that a client sees, by name."""

    async def ask() -> dict[str, Tool]:
        async with Client(server, **options) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    return anyio.run(ask)


def answer(result: CallToolResult) -> Any:
    """The structured content of an answer that is no error."""
    assert not result.is_error, said(result)
    assert result.structured_content is not None
    return result.structured_content


def said(result: CallToolResult) -> str:
    """The text of an answer."""
    return "\n".join(each.text for each in result.content if isinstance(each, TextContent))
