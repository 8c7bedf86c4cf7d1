"""``pgvoice hook``: for pipelines in any language."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options

if TYPE_CHECKING:
    from pgvoice.hooks.json_requests import Reply


@click.command(
    epilog="""\b
Examples: pgvoice hook < request.json
          pgvoice hook --schema
          producer | pgvoice hook --stdio-lines | consumer

\b
A request:
  {"version": 1, "video": "talk", "audio": "talk.mp3",
   "segments": [{"start": 8.3, "end": 10.0, "speaker": "SPEAKER_00"}]}

\b
Exit codes: 0 answered, 1 failed, 2 no request; the document on standard
output says why. With --stdio-lines 0 at the end of the input."""
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of requests and answers.")
@click.option(
    "--stdio-lines", "lines", is_flag=True, help="Answer a request a line, until the end."
)
@options.encoder_option
@options.device_option
@options.url_option
def hook(
    schema: bool, lines: bool, encoder: str | None, device: str | None, url: str | None
) -> None:
    """Answer a JSON request on standard input.

    One document in, one out, and nothing else on standard output: what is missing is filled, and
    every segment comes back as it was, with its answer beside. With --stdio-lines the model stays
    loaded, and a request that fails is answered by its failure, on a line of its own.
    """
    if schema:
        from pgvoice.hooks.json_requests import schema as published

        click.echo(published())
        return
    codes = []
    for answer in _replies(encoder, device, url, lines):
        sys.stdout.buffer.write(answer.document + b"\n")
        sys.stdout.buffer.flush()
        codes.append(answer.exit_code)
    if not lines:
        click.get_current_context().exit(codes[-1])


def _replies(
    encoder: str | None, device: str | None, url: str | None, lines: bool
) -> Iterator[Reply]:
    from pgvoice.hooks.json_requests import failed, reply
    from pgvoice.hooks.pipeline import Pipeline
    from pgvoice.store.errors import PgvoiceError

    try:
        pipeline = Pipeline(url, encoder, device=device)
    except PgvoiceError as error:
        yield failed(error)
        if lines:
            click.get_current_context().exit(1)
        return
    with pipeline:
        for request in _requests(lines):
            yield reply(pipeline, request)


def _requests(lines: bool) -> Iterator[bytes]:
    """What is asked; a byte more than may be read tells of more."""
    from pgvoice.hooks.json_requests import LONGEST

    source = sys.stdin.buffer
    if not lines:
        yield source.read(LONGEST + 1)
        return
    while line := source.readline(LONGEST + 1):
        while len(line) > LONGEST and not line.endswith(b"\n"):
            # The rest of a line that is too long is passed over.
            rest = source.readline(LONGEST)
            if not rest or rest.endswith(b"\n"):
                break
        if line.strip():
            yield line
