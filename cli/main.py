"""``pgvoice``: the command line's root."""

from __future__ import annotations

import os

import click

from pgvoice.cli.commands import Commands, LazyCommand

#: Name, module and short help of every command, in the order of use.
COMMANDS = [
    LazyCommand(
        "ingest",
        "ingest.ingest",
        "Find out who speaks in recordings, from their audio alone.",
    ),
    LazyCommand("fill", "fill", "Compute the voice embeddings that a recording lacks."),
    LazyCommand("enroll", "enroll.enroll", "Enroll people so that pgvoice can name their voices."),
    LazyCommand(
        "identify", "answers.identify", "Show who speaks in a recording, segment by segment."
    ),
    LazyCommand("videos", "answers.videos", "List the recordings in the store."),
    LazyCommand("label", "labels.label", "Keep who speaks in recordings."),
    LazyCommand("relabel", "labels.label", "Judge kept labels again."),
    LazyCommand("labels", "labels.labels", "See labels, revert runs, and pin what you know."),
    LazyCommand("search", "answers.search", "Find where somebody speaks, in all recordings."),
    LazyCommand(
        "voices", "voices.voices", "Find the unknown voices of a library, and name each once."
    ),
    LazyCommand("serve", "serve.serve", "Listen to voices and name them, in a browser."),
    LazyCommand("acts", "acts", "List what people did, newest first."),
    LazyCommand("undo", "acts", "Undo an act: what it changed becomes what it was."),
    LazyCommand(
        "thresholds", "thresholds.thresholds", "Show which thresholds apply, and what they rest on."
    ),
    LazyCommand("calibrate", "thresholds.calibrate", "Find thresholds on your own recordings."),
    LazyCommand("evaluate", "thresholds.evaluate", "Measure how often the names are right."),
    LazyCommand(
        "similar",
        "answers.search",
        "Find segments that sound like a stored one, in all recordings.",
    ),
    LazyCommand("index", "answers.index", "Make `pgvoice similar` fast in a large library."),
    LazyCommand("hook", "hook", "Answer JSON requests on standard input."),
    LazyCommand("mcp", "mcp.mcp", "Let an agent ask who speaks, by the Model Context Protocol."),
    LazyCommand("consent", "privacy.consent", "Record who agreed to be enrolled."),
    LazyCommand("erase", "privacy.erase", "Erase people and recordings with all their data."),
    LazyCommand("retention", "privacy.erase", "Delete data whose retention period has ended."),
    LazyCommand("audit", "privacy.audit", "Show what was done with voiceprints, newest first."),
    LazyCommand("cache", "cache", "Show how often stored vectors are reused; delete old ones."),
    LazyCommand(
        "encoder",
        "encoder.encoder",
        "Show the models that turn speech into vectors, and switch to another one.",
    ),
    LazyCommand(
        "vectors", "vectors.vectors", "Import vectors of other engines, and export stored ones."
    ),
    LazyCommand("segmenter", "plugins.segmenter", "Show the models that find who speaks when."),
    LazyCommand("format", "plugins.format", "Show the file formats for segments."),
    LazyCommand("plugin", "plugins.plugin", "Show the installed plugins."),
    LazyCommand("db", "db.db", "Create, upgrade and inspect the database."),
    LazyCommand("demo", "demo.demo", "Try pgvoice on a conversation of two people."),
    LazyCommand("doctor", "doctor", "Check the installation and suggest fixes."),
]

#: For how many seconds the embedded server stays up after a command, unless a setting says so.
LINGER = 300

EPILOG = """\b
See it work (needs pip install "pgvoice[demo]"):
  pgvoice demo
Then the same step by step, in your own store:
  pgvoice demo --save .
  pgvoice fill talk talk.wav talk.rttm --encoder campplus
  pgvoice enroll add Ada --video talk --span 10.6-14.7 --consent "a sample"
  pgvoice identify talk

\b
Your own recordings, by sound alone (needs pip install "pgvoice[demo,page]"):
  pgvoice ingest ~/podcasts --encoder campplus && pgvoice serve

\b
Settings, from the environment:
  PGVOICE_DATABASE_URL  your Postgres; if unset, an embedded server is used
  PGVOICE_DATA          folder of the embedded server
  PGVOICE_LINGER        seconds that the embedded server stays up after a
                        command [300]
  PGVOICE_ENCODER       encoder to use unless --encoder names one
  PGVOICE_SEGMENTER     segmenter to use unless --segmenter names one
  PGVOICE_AUDIO         folder of recordings, for fills without a file
  PGVOICE_PLAYER        command that plays a clip of a voice
  PGVOICE_PLUGINS       plugins to load, by entry point; if unset, all
  PGVOICE_TOKEN         what programs send to `serve` and `mcp` over HTTP

\b
Exit codes: 0 done, 1 failed (standard error has the reason and the remedy),
2 wrong usage, 3 some segments are not spans of time.
"""


@click.group(
    cls=Commands,
    commands=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="pgvoice", prog_name="pgvoice")
def cli() -> None:
    """Know who is speaking, in Postgres.

    pgvoice keeps one voice embedding per segment of your recordings, computes
    only the missing ones, and answers "who is speaking?" by name.
    """
    os.environ.setdefault("PGVOICE_LINGER", str(LINGER))
