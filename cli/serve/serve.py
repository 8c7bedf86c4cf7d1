"""``pgvoice serve``."""

from __future__ import annotations

import getpass
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pgvoice.cli import options
from pgvoice.hooks.errors import ExtraMissing, needs_extra
from pgvoice.store.voice_store import VoiceStore

if TYPE_CHECKING:
    from pgvoice.cli.serve.settings import Settings

TOKEN_VARIABLE = "PGVOICE_TOKEN"  # noqa: S105 - its name
_NOT_LINKED = """\
Voices are not linked, so there are no unknown voices to review:
`pgvoice voices enable` turns it on."""
_file = options.ExistingPath(dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples: pgvoice serve
          pgvoice serve --read-only --port 0 --open
          pgvoice serve --hash Ada >> passwords
          pgvoice serve --host voices.example.org --port 443 \\
            --passwords passwords --certificate cert.pem --key key.pem
          pgvoice serve --behind-proxy --public-host voices.example.org \\
            --passwords passwords"""
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen at. Any that others reach needs --passwords, and TLS.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8642,
    show_default=True,
    metavar="N",
    help="Port to listen at; 0: a free one.",
)
@click.option(
    "--public-host",
    "public_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name, with a port if needed, by which browsers call it.",
)
@click.option("--read-only", is_flag=True, help="Connect as a reader: nothing can be changed.")
@click.option(
    "--open/--no-open", "opens", default=False, help="Also open it in a browser here [--no-open]."
)
@click.option("--passwords", type=_file, metavar="FILE", help="Who may log in: lines NAME:HASH.")
@click.option("--certificate", type=_file, metavar="FILE", help="Speak TLS with it; in PEM.")
@click.option("--key", type=_file, metavar="FILE", help="The certificate's key; in PEM.")
@click.option(
    "--behind-proxy",
    is_flag=True,
    help="A proxy speaks TLS and sets X-Forwarded-Proto, -Host and -For.",
)
@click.option(
    "--hash", "hashed", metavar="NAME", help="Ask for a password, print its line, and end."
)
@options.url_option
def serve(
    url: str | None, opens: bool, hashed: str | None, passwords: Path | None, **given: Any
) -> None:
    """Listen to voices and name them, in a browser.

    Prints a link that lets one browser in, once, and a fresh one when it was used. Programs that
    send the token in PGVOICE_TOKEN may use the API. Ends with Ctrl-C.
    """
    with needs_extra("page", ExtraMissing):
        from pgvoice.cli.serve.access import passwords as files
        from pgvoice.cli.serve.settings import Settings
    if hashed is not None:
        click.echo(files.line(hashed, _ask_password(hashed)))
        return
    settings = Settings(
        **given,
        passwords=files.read(passwords) if passwords else {},
        api_token=os.environ.get(TOKEN_VARIABLE) or None,
        author=_user(),
        tell=_say,
    )
    _serve(settings, url, opens=opens)


def _serve(settings: Settings, url: str | None, *, opens: bool) -> None:
    """Serve until Ctrl-C. Raises `ServingRefused`, and what opening the store raises."""
    with needs_extra("page", ExtraMissing):
        from pgvoice.cli.serve import running
        from pgvoice.cli.serve.access.exposure import check_exposure
        from pgvoice.cli.serve.app import make_app
    check_exposure(settings)
    with (
        running.listen(settings.host, settings.port) as listening,
        VoiceStore.open(url, role="pgvoice_reader" if settings.read_only else None) as store,
    ):
        settings = replace(settings, port=listening.getsockname()[1])
        app = make_app(store, settings)
        server = running.prepare(app, settings)
        _tell(settings, app.state.entrance.link, opens=opens)
        if not store.voices.settings().enabled:
            click.echo(_NOT_LINKED)
        site = app.state.entrance.site
        threading.Thread(target=site.clips.prepare, daemon=True).start()
        with site.ending:
            running.run(server, listening)


def _say(line: str) -> None:
    with suppress(OSError):  # nobody may be reading any more
        click.echo(line)


def _tell(settings: Settings, link: str, *, opens: bool) -> None:
    where = settings.address if settings.passwords else link
    click.echo(f"{where}\n(Ctrl-C ends it)")
    if opens:
        import webbrowser  # takes long to import

        # Not waited for: some browsers only return when they are closed.
        threading.Thread(target=webbrowser.open, args=(where,), daemon=True).start()


def _ask_password(name: str) -> str:
    """Without showing it; a line of standard input if there is no terminal."""
    if not options.somebody_answers():
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt(
        f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return asked


def _user() -> str:
    """The user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
