"""No name, text or path controls the terminal, whichever command prints it."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import socket
import subprocess
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from pgvoice_testkit.commands import leaf, leaves
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.filled import X, Y, put, unit

from pgvoice.cli import terminal
from pgvoice.cli.commands import Commands, LazyCommand
from pgvoice.cli.group import Group
from pgvoice.cli.main import cli
from pgvoice.hooks import hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterCommand
from pgvoice.store import VoiceStore
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.upkeep.ingests import Outcome

#: Sets the title, the clipboard and a link, clears the screen, turns the text around, goes back.
EVIL = (
    "Eve\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x1b]8;;http:evil\x1b\\\x1b[2J\x9b2J\x9d0;x\x9c"
    "\u202egpj\u2066\u200f\u2028\r\b\x7f[red]{0}%s"
)
#: Holds a port, so that `pgvoice serve` does not serve until somebody ends it.
TAKEN = socket.create_server(("127.0.0.1", 0))
#: What commands need beside their arguments, and the flags that make them go on.
NEEDED = {
    "span": "0-1",
    "target": "postgresql://nobody@localhost:1/x",
    "unattributed_days": "1",
    "engine": "titanet",
    "port": str(TAKEN.getsockname()[1]),
}
FLAGS = ("--yes", "--with-segments", "--no-torch", "--exemplars", "--nobody")


#: Writes documents exactly as they are, unless to a terminal.
EXACT = ("labels", "export")
#: Commands that may have nothing to say: there are no metrics, and no agent asks.
SILENT = (("ingest", "metrics"), ("mcp",))
#: psql writes for itself.
LEAVES = [path for path in leaves() if path != ("db", "shell")]


def call(path: tuple[str, ...], *extra: str) -> list[str]:
    """A call of a command that names the hostile one wherever it takes a name or a file."""
    command = leaf(path)
    given = [*path, *extra]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and str(parameter.name) in NEEDED:
            given += [parameter.opts[0], NEEDED[str(parameter.name)]]
        elif isinstance(parameter, click.Option) and parameter.opts[0] in FLAGS:
            given.append(parameter.opts[0])
    return [*given, "--", *(EVIL for each in command.params if isinstance(each, click.Argument))]


def assert_harmless(written: bytes) -> None:
    found = {character for character in written.decode() if character not in "\n\t"}
    assert not [each for each in found if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")]


@pytest.fixture(scope="module")
def hostile(server_url: str, template: str) -> Iterator[str]:
    """The name of a database to copy, in which everything has the hostile name."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            _fill(store)
        assert url.database is not None
        yield url.database


def _fill(store: VoiceStore) -> None:
    put(store, EVIL, {(0, 1): X, (1, 2): Y, (2, 3): unit(1, 0.1, 0)})
    agreed = Consent(EVIL, EVIL, EVIL)
    store.people.enroll_segments(EVIL, EVIL, [(0, 1)], consent=agreed, min_speech=1)
    store.people.enroll_segments(f"{EVIL} 2", EVIL, [(1, 2)], consent=agreed, min_speech=1)
    store.labels.label(None)
    store.labels.pin(EVIL, (2, 3), EVIL)
    store.ingests.expect(EVIL, {EVIL: {"video": EVIL}})
    store.ingests.settle(EVIL, [Outcome(EVIL, EVIL)])


@pytest.fixture
def library(server_url: str, hostile: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A copy of it, which commands use."""
    with new_database(server_url, hostile) as url:
        monkeypatch.setenv("PGVOICE_DATABASE_URL", plain(url))
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which has the hostile name and a file of it."""
    folder = tmp_path / EVIL.replace("/", "")
    folder.mkdir()
    (folder / EVIL).parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PGVOICE_DATA", str(folder / "data"))
    return folder


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command(run: Callable[..., Result], folder: Path, path: tuple[str, ...]) -> None:
    takes = [option for parameter in leaf(path).params for option in parameter.opts]
    variants = [["--dry-run"]] if "--dry-run" in takes else []
    variants += [[]] + ([["--json"]] if "--json" in takes else [])
    if path == ("demo",):
        variants = [["--remove", "--dry-run"]]
    printed = b""
    for extra in variants:
        done = run(*call(path, *extra), stdin=json.dumps({"version": 1, "video": EVIL}))
        assert done.exception is None or isinstance(done.exception, SystemExit)
        for written in (done.stdout_bytes, done.stderr_bytes):
            if path != EXACT:
                assert_harmless(written)
            printed += written
    assert printed or path in SILENT
    assert folder.is_dir()


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_mistake(pgvoice: Callable[..., Result], folder: Path, path: tuple[str, ...]) -> None:
    """In an empty store nothing has the name, and no option has this value."""
    assert folder.is_dir()
    options = [each for each in leaf(path).params if isinstance(each, click.Option)]
    tried = [call(path)] if path != ("demo",) else []
    tried += [
        [*path, f"{option.opts[0]}={EVIL}", "--", EVIL] for option in options if not option.is_flag
    ]
    for arguments in [*tried, [*path, EVIL, EVIL, EVIL, EVIL], [*path, f"--{EVIL}"]]:
        done = pgvoice(*arguments, stdin="{}")
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert_harmless(done.stdout_bytes)
        assert_harmless(done.stderr_bytes)


@pytest.mark.usefixtures("library")
def test_json_is_equal(run: Callable[..., Result]) -> None:
    (found, _) = json.loads(run("enroll", "list", "--json").stdout)
    assert found["speaker"] == EVIL
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000, 3))))
    document = json.dumps({"a": every}, ensure_ascii=False)
    assert json.loads(terminal.escaped(document)) == {"a": every}
    assert_harmless(terminal.escaped(document).encode())
    assert terminal.escaped('"Zoë 李 שלום"') == '"Zoë 李 שלום"'


@pytest.mark.usefixtures("library")
def test_documents_are_exact_in_a_pipe(run: Callable[..., Result], tmp_path: Path) -> None:
    text = "1\n00:00:05,000 --> 00:00:06,000\n\x1b[31mred\u202e\n"
    (tmp_path / "talk.srt").write_text(text)
    written = run("identify", EVIL, tmp_path / "talk.srt", "--output", "-")
    assert "\x1b[31mred\u202e" in written.stdout


class Toy:
    """A plugin whose command, summary and output are hostile."""

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        def run() -> None:
            sys.stdout.write(EVIL)
            sys.stderr.writelines([EVIL])
            logging.getLogger("toy").error(EVIL)
            warnings.warn(EVIL, stacklevel=1)
            raise click.ClickException(EVIL)

        register(click.Command(f"toy{EVIL}", callback=run, help=EVIL))


def test_plugins(monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder) -> None:
    assert not recwarn.list
    monkeypatch.setattr("pgvoice.cli.commands._any_plugin_installed", lambda: True)
    root = Commands(
        "pgvoice", commands={"plugin": LazyCommand("plugin", "plugins.plugin", "Plugins.")}
    )
    installed.manager.cache_clear()
    installed.manager().register(Toy(), EVIL)
    try:
        for arguments in (["--help"], [f"toy{EVIL}"], [f"toy{EVIL}", "--help"], ["toy"]):
            done = CliRunner().invoke(root, arguments)
            assert "Eve" in done.output or arguments == ["toy"]
            assert_harmless(done.stdout_bytes)
            assert_harmless(done.stderr_bytes)
        for shell, word in (("bash", "1"), ("zsh", "1"), ("fish", "")):
            asked = {"COMP_WORDS": "pgvoice ", "COMP_CWORD": word}
            asked["_PGVOICE_COMPLETE"] = f"{shell}_complete"
            done = CliRunner().invoke(root, [], env=asked, prog_name="pgvoice")
            assert "toyEve" in done.stdout
            assert_harmless(done.stdout_bytes)
    finally:
        installed.manager.cache_clear()


def test_logs_warnings_and_tracebacks() -> None:
    """In a process of its own, whose interpreter prints the traceback."""
    code = (
        "import logging, sys, warnings\nfrom pgvoice.cli.group import Group\n"
        "root = Group('pgvoice')\n@root.command()\ndef toy():\n"
        f"    evil = {EVIL!r}\n    logging.getLogger('toy').error(evil)\n"
        "    warnings.warn(evil)\n    raise RuntimeError(evil)\nroot(['toy'])"
    )
    for encoding in ("utf-8", "ascii", "latin-1"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            env=os.environ | {"PYTHONIOENCODING": encoding},
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.count(b"Eve") >= 3
        assert_harmless(done.stderr.replace(b"\xe9", b""))


def _in_terminal(*arguments: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    with ThreadPoolExecutor() as reader, os.fdopen(theirs, "r+b", buffering=0) as terminal_file:
        written = reader.submit(_read, ours)
        stream = io.TextIOWrapper(terminal_file, "utf-8", write_through=True)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("stdin", "stdout", "stderr"):
                patch.setattr(sys, name, stream)
            with suppress(SystemExit):
                cli(list(arguments))
        stream.close()
        return written.result()


def _read(terminal: int) -> str:
    """Everything until the other side is closed."""
    written = b""
    with suppress(OSError):
        while part := os.read(terminal, 65536):
            written += part
    os.close(terminal)
    return written.decode()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "arguments",
    [
        ["enroll", "list"],
        ["enroll", "list", "--json"],
        ["identify", EVIL],
        ["labels", "show", EVIL],
        ["labels", "export", EVIL, "--format", "json"],
        ["videos"],
        ["label", "--all"],
        ["ingest", "status", "--watch"],
        ["doctor", "--no-torch"],
        ["search", "nobody" + EVIL],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """Colours and the progress that pgvoice draws are there, nothing else."""
    for name, value in (("TERM", "xterm"), ("COLUMNS", "400")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    written = _in_terminal(*arguments)
    assert "Eve" in written or arguments[0] in ("doctor", "label", "ingest")
    for forbidden in ("\x1b]", "\x1b[2J", "\x9b", "\x9d", "\x07", "\u202e", "\u2066", "\b", "\x7f"):
        assert forbidden not in written
    coloured = arguments in (["enroll", "list"], ["identify", EVIL], ["doctor", "--no-torch"])
    if coloured:
        assert "\x1b[" in written
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[3" not in _in_terminal(*arguments)


def test_the_streams_are_given_back() -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(SystemExit):
        Group("pgvoice", add_help_option=True)(["--help"])
    assert (sys.stdout, sys.stderr) == before
