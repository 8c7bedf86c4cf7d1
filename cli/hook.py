"""``pgvoice hook``: for pipelines in any language."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from pgvoice.cli import options, terminal
from pgvoice.cli.group import FAILED
from pgvoice.hooks import json_documents
from pgvoice.hooks.json_documents import Document
from pgvoice.hooks.json_requests import LONGEST, Reply, failed, reply
from pgvoice.hooks.pipeline import Pipeline
from pgvoice.store.errors import PgvoiceError


@click.command(
    epilog="""\b
Examples: pgvoice hook < request.json
          pgvoice hook --schema request
          producer | pgvoice hook --stdio-lines | consumer

\b
A request:
  {"version": 1, "video": "talk", "audio": "talk.mp3",
   "segments": [{"start": 8.3, "end": 10.0, "speaker": "SPEAKER_00"}]}
Without segments, those that a segmenter finds are answered.

\b
Exit codes: 0 answered, 1 failed, 2 not a valid request, 3 answered, but some
segments are not spans of time; standard output has the reason in each case.
With --stdio-lines: 0 at the end of the input."""
)
@click.option(
    "--schema",
    type=click.Choice(["request", "answer"]),
    help="Print the JSON Schema of requests, or of answers and failures.",
)
@click.option(
    "--stdio-lines", "lines", is_flag=True, help="Answer one request per line until the input ends."
)
@options.model_options
@options.segmenter_option
@options.url_option
def hook(
    schema: Document | None,
    lines: bool,
    encoder: str | None,
    segmenter: str | None,
    device: str | None,
    url: str | None,
) -> None:
    """Answer JSON requests on standard input.

    Reads one document and writes one document, nothing else, to standard output. Missing segments
    are filled, and each segment is returned unchanged with its answer added. A request without
    segments is answered with those that are stored or found. With --stdio-lines the models stay
    loaded, and the answer to a failed request is a line with the error.
    """
    if schema:
        click.echo(json_documents.schema(schema))
        return
    codes = []
    for answer in _replies(encoder, segmenter, device, url, lines):
        sys.stdout.buffer.write(terminal.escaped(answer.document.decode()).encode() + b"\n")
        sys.stdout.buffer.flush()
        codes.append(answer.exit_code)
    if not lines:
        click.get_current_context().exit(codes[-1])


def _replies(
    encoder: str | None, segmenter: str | None, device: str | None, url: str | None, lines: bool
) -> Iterator[Reply]:
    try:
        pipeline = Pipeline(url, encoder, segmenter=segmenter, device=device)
    except PgvoiceError as error:
        yield failed(error)
        if lines:
            click.get_current_context().exit(FAILED)
        return
    with pipeline:
        for request in _requests(lines):
            yield reply(pipeline, request)


def _requests(lines: bool) -> Iterator[bytes]:
    """The requests, cut one byte after the longest allowed, so that longer ones are recognised."""
    source = sys.stdin.buffer
    if not lines:
        yield source.read(LONGEST + 1)
        return
    while line := source.readline(LONGEST + 1):
        while len(line) > LONGEST and not line.endswith(b"\n"):
            # Skip the rest of a line that is too long.
            rest = source.readline(LONGEST)
            if not rest or rest.endswith(b"\n"):
                break
        if line.strip():
            yield line
