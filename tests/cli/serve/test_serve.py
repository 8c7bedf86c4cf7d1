"""The command ``pgvoice serve``: where it listens, for whom, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.serving import client
from starlette.testclient import TestClient

from pgvoice.cli.serve.access.exposure import ServingRefused, check_exposure
from pgvoice.cli.serve.access.passwords import Hash
from pgvoice.cli.serve.settings import Settings
from pgvoice.store import VoiceStore

PUBLIC = ("voices.example.org",)
SOMEBODY = {"Ada": "a hash"}
TLS = {"certificate": Path("cert.pem"), "key": Path("key.pem")}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(host="::1"),
        Settings(host="localhost"),
        Settings(host="127.0.0.2", passwords=SOMEBODY),
        Settings(api_token="x" * 16),
        Settings(host="0.0.0.0", passwords=SOMEBODY, public_hosts=PUBLIC, **TLS),  # type: ignore[arg-type]
        Settings(host="voices.example.org", passwords=SOMEBODY, **TLS),  # type: ignore[arg-type]
        Settings(behind_proxy=True, passwords=SOMEBODY, public_hosts=PUBLIC),
        Settings(host="192.0.2.1", behind_proxy=True, passwords=SOMEBODY, public_hosts=PUBLIC),
    ],
)
def test_what_is_safe_is_served(settings: Settings) -> None:
    check_exposure(settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"host": "0.0.0.0"}, ["--passwords", "--certificate and --key", "--public-host"]),
        ({"host": "::"}, ["--passwords", "--behind-proxy", "--public-host"]),
        ({"host": "192.0.2.1"}, ["--passwords", "--behind-proxy"]),
        ({"host": "voices.example.org"}, ["--passwords", "--certificate"]),
        ({"host": "localhost.evil.example"}, ["--passwords"]),
        ({"host": "192.0.2.1", "passwords": SOMEBODY}, ["--certificate and --key"]),
        ({"host": "192.0.2.1", **TLS}, ["--passwords"]),
        ({"public_hosts": PUBLIC}, ["--passwords", "--behind-proxy"]),
        ({"behind_proxy": True}, ["--passwords", "--public-host"]),
        ({"behind_proxy": True, "passwords": SOMEBODY}, ["--public-host"]),
        ({"certificate": Path("c")}, ["--certificate needs --key"]),
        ({"key": Path("k")}, ["--key needs --certificate"]),
        ({"behind_proxy": True, **TLS}, ["--certificate or --behind-proxy"]),
        ({"api_token": "short"}, ["PGVOICE_TOKEN has 5 characters", "at least 16"]),
    ],
)
def test_what_others_could_reach_needs_more(settings: dict[str, object], told: list[str]) -> None:
    with pytest.raises(ServingRefused) as refused:
        check_exposure(Settings(**settings))  # type: ignore[arg-type]
    for each in told:
        assert each in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "http://127.0.0.1:8642"),
        ({"host": "::1", "port": 9}, "http://[::1]:9"),
        ({"port": 80}, "http://127.0.0.1"),
        ({"host": "a.example", **TLS}, "https://a.example:8642"),
        ({"host": "0.0.0.0", "public_hosts": PUBLIC, **TLS}, "https://voices.example.org:8642"),
        ({"public_hosts": PUBLIC, "port": 443, **TLS}, "https://voices.example.org"),
        ({"public_hosts": ("a.example:99",), **TLS}, "https://a.example:99"),
        ({"public_hosts": PUBLIC, "behind_proxy": True}, "https://voices.example.org"),
    ],
)
def test_the_address_is_the_one_that_browsers_use(
    settings: dict[str, object], address: str
) -> None:
    assert Settings(**settings).address == address  # type: ignore[arg-type]


def test_the_command_refuses_with_a_sentence(
    pgvoice: Callable[..., Result], tmp_path: Path
) -> None:
    refused = pgvoice("serve", "--host", "0.0.0.0")
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: others can reach 0.0.0.0: add --passwords FILE")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pgvoice("serve", "--port", port)
    assert refused.exit_code == 1
    assert f"cannot listen at port {port} of 127.0.0.1" in refused.output
    assert "give another --port, or 0 for a free one" in refused.output
    empty = tmp_path / "empty"
    empty.write_text("")
    refused = pgvoice("serve", "--passwords", empty)
    assert refused.exit_code == 1
    assert "has no line with a name and a hash" in refused.output
    refused = pgvoice("serve", "--port", 0, "--certificate", empty, "--key", empty)
    assert refused.exit_code == 1
    assert "give a certificate and its key in PEM" in refused.output


def test_a_line_of_a_file_of_passwords(pgvoice: Callable[..., Result]) -> None:
    made = pgvoice("serve", "--hash", "Ada", stdin="correct horse battery\n")
    assert made.exit_code == 0
    name, _, text = made.stdout.strip().rpartition(":")
    assert name == "Ada"
    assert Hash.parse(text).fits("correct horse battery")
    assert pgvoice("serve", "--hash", "Ada", stdin="short\n").exit_code == 1


def test_without_the_extra_it_says_what_to_install(
    pgvoice: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("pgvoice.cli.serve.")]:
        monkeypatch.delitem(sys.modules, name)
    for missing in ("uvicorn", "fastapi", "starlette"):
        monkeypatch.setitem(sys.modules, missing, None)
    refused = pgvoice("serve")
    assert refused.exit_code == 1
    assert 'pip install "pgvoice[page]"' in refused.output


def test_a_reader_changes_nothing(store: VoiceStore, store_url: str) -> None:
    with VoiceStore.open(store_url, role="pgvoice_reader") as reading:
        browser: TestClient = client(reading, read_only=True)
        assert "Read only" in browser.get("/acts").text
        assert browser.post("/acts/undo", data={"act": "1"}).status_code == 403


def test_it_serves_until_ctrl_c(store: VoiceStore, store_url: str) -> None:
    command = [sys.executable, "-m", "pgvoice.cli", "serve", "--port", "0", "--url", store_url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with opener.open(link) as answer:
            assert answer.status == 200
            assert answer.url.endswith("/review")
            assert "server" not in answer.headers
        events = opener.open(f"{link.partition('?')[0]}api/v1/events")
        assert events.readline()  # it never ends by itself
        server.send_signal(signal.SIGINT)
        told = server.stdout.read()
        assert server.stderr is not None
        assert server.stderr.read() == ""
        events.close()
    assert server.returncode == 0
    assert told.splitlines()[0] == "(Ctrl-C ends it)"
    assert "`pgvoice voices enable` turns it on." in told
    assert link.partition("?")[0] in told.splitlines()[-1]
    assert link not in told
