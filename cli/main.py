"""``pgvoice``: the command line's root."""

from __future__ import annotations

import click

from pgvoice.cli.commands import Commands, LazyCommand

#: Every command, in the order of use; the help here is the first line of the command's own.
COMMANDS = [
    LazyCommand(name, f"pgvoice.cli.{target}", short_help)
    for name, target, short_help in (
        ("fill", "fill:fill", "Compute the voice embeddings that a recording lacks."),
        ("enroll", "enroll.enroll:enroll", "Enroll people, so that their voices get names."),
        ("identify", "answers.identify:identify", "Say who speaks in a recording, segment by segment."),
        ("label", "labels.label:label", "Keep who speaks in recordings."),
        ("relabel", "labels.label:relabel", "Judge kept labels again."),
        ("labels", "labels.labels:labels", "See kept labels, take runs back, pin what you know."),
        ("search", "answers.search:search", "Find where somebody speaks, in all recordings."),
        ("calibrate", "thresholds.calibrate:calibrate", "Find thresholds on your own recordings."),
        ("evaluate", "thresholds.evaluate:evaluate", "Measure how right the names are."),
        ("similar", "answers.similar:similar", "Find segments that sound like one of them, in all recordings."),
        ("index", "answers.index:index", "Make `pgvoice similar` fast in a large library."),
        ("hook", "hook:hook", "Answer JSON requests on standard input."),
        ("backfill", "backfill.backfill:backfill", "Fill many recordings and follow the progress."),
        ("consent", "privacy.consent:consent", "Record who agreed to be enrolled."),
        ("erase", "privacy.erase:erase", "Erase people and recordings with all their data."),
        ("retention", "privacy.retention:retention", "Delete data whose retention period has ended."),
        ("audit", "privacy.audit:audit", "Show what was done with voiceprints, newest first."),
        ("cache", "cache:cache", "Show how often stored vectors are reused; delete old ones."),
        ("encoder", "encoder:encoder", "Show the models that turn speech into vectors."),
        ("plugin", "plugin:plugin", "Show the installed plugins."),
        ("db", "db.db:db", "Create, upgrade and inspect the database."),
        ("demo", "demo.demo:demo", "Try pgvoice on a conversation of two people."),
        ("doctor", "doctor.doctor:doctor", "Check the installation and suggest fixes."),
    )
]  # fmt: skip

EPILOG = """\b
See it work:
  pgvoice demo
Then with a recording of your own:
  pgvoice fill talk talk.mp3 talk.json
  pgvoice enroll add Ada --video talk --span 12.5-15
  pgvoice identify talk

\b
Settings, from the environment:
  PGVOICE_DATABASE_URL  your Postgres; if unset, an embedded server is used
  PGVOICE_DATA          folder of the embedded server
  PGVOICE_ENCODER       encoder to use unless --encoder names one
  PGVOICE_AUDIO         folder of recordings, for fills without a file
  PGVOICE_PLUGINS       plugins to load, by entry point; if unset, all

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
