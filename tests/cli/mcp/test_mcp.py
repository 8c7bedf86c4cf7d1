"""``pgvoice mcp``: over standard input and output, over HTTP, and who may call it there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from click.testing import Result
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from pgvoice_testkit.asking import answer, call, said, tools
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores.served_library import ZOE
from starlette.testclient import TestClient

from pgvoice.cli.mcp import web
from pgvoice.cli.mcp.mcp import open_store
from pgvoice.cli.mcp.server import make_server
from pgvoice.cli.mcp.web import Address
from pgvoice.store import VoiceStore
from pgvoice.store.errors import OpenedToRead

TOKEN = "0123456789abcdef"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def test_over_standard_input_and_output(library_url: str, tmp_path: Path) -> None:
    """Nothing but the protocol is on standard output, or the client would fail."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pgvoice.cli", "mcp", "--url", library_url],
        env=dict(os.environ),
    )

    async def ask() -> tuple[set[str], Any, Any]:
        async with Client(stdio_client(parameters, errlog=log)) as client:
            listed = {tool.name for tool in (await client.list_tools()).tools}
            found = await client.call_tool("list_recordings", {"limit": 1})
            refused = await client.call_tool("who_speaks", {"video": "nope"})
            return listed, found, refused

    with (tmp_path / "log").open("w") as log:
        listed, found, refused = anyio.run(ask)
    assert "list_unknown_voices" in listed
    assert "name_voice" not in listed
    assert [each["video"] for each in answer(found)["recordings"]] == ["friday"]
    assert refused.is_error
    assert "no video 'nope' in the store" in said(refused)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_over_streamable_http(library_url: str) -> None:
    """The command says where on standard error, until it is ended; only the token lets in."""
    with _serving(library_url) as (process, url):
        listed, found = anyio.run(_ask_over_http, url)
        for token in ("", "wrong", TOKEN + "x", TOKEN[:-1], "é"):
            sent = {b"Authorization": f"Bearer {token}".encode()} if token else {}
            refused = httpx2.post(url, json=INITIALIZE, headers=sent)
            assert refused.status_code == 401, token
            assert refused.headers["www-authenticate"] == "Bearer"
        process.terminate()
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 0
    assert "list_unknown_voices" in listed
    assert "name_voice" not in listed
    assert ZOE in [each["name"] for each in answer(found)["people"]]


@contextmanager
def _serving(url: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The command that serves at a free port, and its address."""
    command = [sys.executable, "-m", "pgvoice.cli", "mcp", "--http", "127.0.0.1:0", "--url", url]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PGVOICE_TOKEN": TOKEN},
    ) as process:
        try:
            assert process.stderr is not None
            address = process.stderr.readline().decode().strip()
            assert process.stderr.readline() == b"(Ctrl-C ends it)\n", address
            yield process, address
        finally:
            process.kill()


async def _ask_over_http(url: str) -> tuple[set[str], CallToolResult]:
    headers = {"Authorization": f"bearer {TOKEN}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        listed = {tool.name for tool in (await client.list_tools()).tools}
        return listed, await client.call_tool("list_people", {})


@pytest.fixture(scope="module")
def local(library_url: str) -> Iterator[TestClient]:
    """A server without a token, for this machine alone."""
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        address = Address("127.0.0.1", 8643)
        with TestClient(
            web.make_app(make_server(store), address), base_url="http://127.0.0.1:8643"
        ) as client:
            yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8643"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8643"}, 421),
        ({"Host": "127.0.0.1.evil.example:8643"}, 421),
        ({"Origin": "http://127.0.0.1:8643"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
def test_other_sites_are_refused(local: TestClient, headers: dict[str, str], status: int) -> None:
    """Pages of other sites, and names of others that lead here."""
    sent = {"Content-Type": "application/json"} | ACCEPT | headers
    answered = local.post(web.PATH, content=json.dumps(INITIALIZE), headers=sent)
    assert answered.status_code == status, answered.text


def test_a_proxys_name_is_known(library_url: str) -> None:
    with VoiceStore.open(library_url, role="pgvoice_reader") as store:
        address = Address("127.0.0.1", 8643, ("voices.example.org",), TOKEN)
        with TestClient(web.make_app(make_server(store), address)) as client:
            sent = ACCEPT | {"Authorization": f"Bearer {TOKEN}"}
            for name, status in (("voices.example.org", 200), ("voices.example.com", 421)):
                answered = client.post(web.PATH, json=INITIALIZE, headers=sent | {"Host": name})
                assert answered.status_code == status, name


@pytest.mark.parametrize(
    ("arguments", "token", "words"),
    [
        (["--http", "0.0.0.0:0"], TOKEN, "add --public-host NAME"),
        (["--http", "[::]:0"], TOKEN, "add --public-host NAME"),
        (["--http", "192.0.2.1:0"], "", "others can reach it without a token"),
        (["--http", "127.0.0.1:0", "--public-host", "x.example"], "", "set PGVOICE_TOKEN"),
        (["--http", "127.0.0.1:0", "--allow-naming"], "", "could name voices without a token"),
        (["--http", "127.0.0.1:0"], "short", "PGVOICE_TOKEN has 5 characters"),
        (["--http", "192.0.2.1:1"], TOKEN, "cannot listen at port 1 of 192.0.2.1"),
    ],
)
def test_servers_that_would_let_anybody_in_do_not_start(
    pgvoice: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    token: str,
    words: str,
) -> None:
    monkeypatch.setenv("PGVOICE_TOKEN", token)
    done = pgvoice("mcp", *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["x", ":1", "h:", "h:x", "h:-1", "h:65536", "h:٣", "a" * 999])
def test_what_is_no_address(pgvoice: Callable[..., Result], address: str) -> None:
    done = pgvoice("mcp", "--http", address)
    assert done.exit_code == 2
    assert "is not an address such as 127.0.0.1:8643" in done.stderr


def test_public_hosts_are_for_http(pgvoice: Callable[..., Result]) -> None:
    assert "--public-host needs --http" in pgvoice("mcp", "--public-host", "x").stderr


def test_the_help_shows_how_to_configure_a_client(pgvoice: Callable[..., Result]) -> None:
    shown = pgvoice("mcp", "--help").stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    start = shown.index("{\n")
    configured = json.loads(shown[start : shown.index("\n\n", start)])
    assert configured["mcpServers"]["pgvoice"]["args"] == ["mcp"]


def test_the_store_is_opened_as_a_reader(
    library_url: str, server_url: str, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or as the user, with a warning, if that user may not act as a reader."""
    with open_store(library_url, allow_naming=False) as store, pytest.raises(OpenedToRead):
        store.acts.undo()
    with open_store(library_url, allow_naming=True) as store:
        assert store.acts.list()
    assert capsys.readouterr().err == ""
    with new_database(server_url, template) as url, role(url, "eve_of_a_test") as login:
        with engine_of(url) as engine:
            run(engine, "GRANT pgvoice_admin TO eve_of_a_test")
        with open_store(plain(login), allow_naming=False) as store:
            assert store.recordings.videos() == []
            assert tools(make_server(store)).keys() & {"undo", "name_voice"} == set()
            assert answer(call(make_server(store), "list_recordings"))["recordings"] == []
    assert "Warning: not opened as a reader" in capsys.readouterr().err
