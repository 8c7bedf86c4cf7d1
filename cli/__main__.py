"""``python -m pgvoice.cli``."""

from pgvoice.cli.main import cli

cli(prog_name="pgvoice")
