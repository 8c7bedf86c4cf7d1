"""``pgvoice serve``."""

from __future__ import annotations

import click

from pgvoice.cli import options
from pgvoice.hooks.errors import needs_extra
from pgvoice.store.voice_store import VoiceStore


@click.command(epilog="Example: pgvoice serve")
@click.option(
    "--port", type=options.Count(0), default=8642, show_default=True, metavar="N", help="Port."
)
@options.url_option
def serve(port: int, url: str | None) -> None:
    """Listen to voices and name them, in a browser."""
    with needs_extra("page"):
        import uvicorn

        from pgvoice.cli.serve.app import make_app
        from pgvoice.cli.serve.settings import Settings
    settings = Settings(port=port)
    with VoiceStore.open(url) as store:
        uvicorn.run(make_app(store, settings), host=settings.host, port=settings.port)
