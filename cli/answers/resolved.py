"""How commands say which stored segments the given spans and labels mean."""

from __future__ import annotations

from collections.abc import Iterable

import click

from pgvoice.cli import output
from pgvoice.store.recordings.typed_spans import ResolvedSpeech

#: How many segments of one span or label are printed.
_SHOWN = 8


def write_resolved(resolved: Iterable[ResolvedSpeech]) -> None:
    """Print the segments that spans and labels mean, unless a span is one."""
    for each in resolved:
        if each.exact:
            continue
        given = each.given if isinstance(each.given, str) else "{}-{}".format(*each.given)
        keys = each.segments
        shown = ", ".join(f"{key.start_s}-{key.end_s}" for key in keys[:_SHOWN])
        more = f" and {len(keys) - _SHOWN:,} more" if len(keys) > _SHOWN else ""
        seconds = sum(key.duration_ms for key in keys) / 1000
        what = output.counted(len(keys), "segment")
        click.echo(output.printable(f"{given}: {what} ({seconds:.1f} s): {shown}{more}"))
