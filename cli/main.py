"""``pgvoice``: the command line's root."""

from __future__ import annotations

import click

from pgvoice.cli.answers.identify import identify
from pgvoice.cli.answers.index import index
from pgvoice.cli.answers.search import search
from pgvoice.cli.answers.similar import similar
from pgvoice.cli.backfill.backfill import backfill
from pgvoice.cli.cache import cache
from pgvoice.cli.commands import Commands
from pgvoice.cli.db.db import db
from pgvoice.cli.demo.demo import demo
from pgvoice.cli.doctor.doctor import doctor
from pgvoice.cli.encoder import encoder
from pgvoice.cli.enroll.enroll import enroll
from pgvoice.cli.fill import fill
from pgvoice.cli.hook import hook
from pgvoice.cli.labels.label import label, relabel
from pgvoice.cli.labels.labels import labels
from pgvoice.cli.plugin import plugin
from pgvoice.cli.privacy.consent import consent
from pgvoice.cli.privacy.erase import erase
from pgvoice.cli.privacy.retention import audit, retention
from pgvoice.cli.thresholds.calibrate import calibrate
from pgvoice.cli.thresholds.evaluate import evaluate

EPILOG = """\b
See it work:
  pgvoice demo
Then with a recording of your own:
  pgvoice fill talk talk.mp3 talk.json
  pgvoice enroll add Ada --video talk --span 12.5-15
  pgvoice identify talk

\b
Settings, from the environment:
  PGVOICE_DATABASE_URL  your Postgres; without it an embedded server is used
  PGVOICE_DATA          folder of the embedded server
  PGVOICE_ENCODER       encoder to use when none is named
  PGVOICE_AUDIO         folder of recordings, for a fill that names none
  PGVOICE_PLUGINS       plugins to load, by entry point; unset is all

\b
Exit codes: 0 done, 1 failed (standard error says why and what helps),
2 wrong usage, 3 some segments are no spans of time.
"""


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pgvoice", prog_name="pgvoice")
def cli() -> None:
    """Know who is speaking, in Postgres.

    pgvoice keeps one voice embedding per segment of your recordings, computes
    only the missing ones, and tells by name who speaks where.
    """


for command in (
    fill,
    enroll,
    identify,
    label,
    relabel,
    labels,
    search,
    calibrate,
    evaluate,
    similar,
    index,
    hook,
    backfill,
    consent,
    erase,
    retention,
    audit,
    cache,
    encoder,
    plugin,
    db,
    demo,
    doctor,
):
    cli.add_command(command)
