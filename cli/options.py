"""Options that several commands share, and what they mean; each is described once."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from pgvoice.cli.tables import wide
from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.times import parse_span
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

if TYPE_CHECKING:  # there are many formats, and most commands read none
    from pgvoice.hooks.evaluate.reference_files import ReferenceFile
    from pgvoice.hooks.evaluate.regions import Scored
    from pgvoice.hooks.formats.reading import SegmentsDocument

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

#: Start and end in seconds.
Span = tuple[float, float]
STANDARD_INPUT = "-"
#: The largest ``integer`` of Postgres.
LARGEST = (1 << 31) - 1


class ExistingPath(click.Path):
    """A path that exists; `click.Path` fails with a traceback for one with a NUL."""

    def __init__(self, **options: Any) -> None:
        super().__init__(exists=True, **options)

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Any:
        if "\0" in str(value):
            self.fail(f"{str(value)[:60]!r} is not a path: it contains a NUL.", parameter, context)
        return super().convert(value, parameter, context)


class Number(click.FloatRange):
    """A number within a range, and never NaN or infinite."""

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> float:
        number = float(super().convert(value, parameter, context))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", parameter, context)
        return number


class Count(click.IntRange):
    """An integer within a range that fits a database."""

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> int:
        number = int(super().convert(value, parameter, context))
        if number > LARGEST:
            self.fail(f"{str(value)[:20]!r} is more than {LARGEST:,}.", parameter, context)
        return number


def integer(
    name: str, least: int, meaning: str, default: int | None = None
) -> Callable[[Decorated], Decorated]:
    """An option that takes an integer of at least `least` that fits a database."""
    return click.option(
        name,
        type=Count(least),
        default=default,
        show_default=default is not None,
        metavar="N",
        help=meaning,
    )


def dry_run(verb: str) -> Callable[[Decorated], Decorated]:
    """An option that shows what would be deleted, merged or the like."""
    return click.option("--dry-run", is_flag=True, help=f"Show what would be {verb}.")


segments_file = ExistingPath(dir_okay=False, allow_dash=True)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of a table."
)
#: For commands that print a table.
wide_option = wide.wide_option
url_option = click.option(
    "--url",
    metavar="URL",
    help="Database, as postgresql://... or host=... dbname=... [PGVOICE_DATABASE_URL].",
)
encoder_option = click.option(
    "--encoder",
    metavar="NAME",
    help="Encoder to compute vectors with, see `pgvoice encoder list` [PGVOICE_ENCODER or ecapa].",
)
segmenter_option = click.option(
    "--segmenter",
    metavar="NAME",
    help="What finds who speaks when, see `pgvoice segmenter list` [PGVOICE_SEGMENTER or"
    " pyannote-3.0].",
)
stored_encoder_option = click.option(
    "--encoder",
    metavar="NAME",
    help="Encoder whose vectors to use [the default one, see `pgvoice encoder list`].",
)
device_option = click.option(
    "--device",
    metavar="DEVICE",
    help="cpu, cuda or mps; for an ONNX model others, too [the fastest available].",
)
threshold_option = click.option(
    "--threshold",
    type=Number(-1, 1),
    metavar="X",
    help="Lowest cosine similarity that names somebody [see `pgvoice thresholds`].",
)
margin_option = click.option(
    "--margin",
    "min_margin",
    type=Number(0, 2),
    metavar="X",
    help="Smallest lead over the runner-up that names somebody [0].",
)
turn_label_option = click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="LABEL",
    help="A diarizer's label in the recording's stored turns, such as SPEAKER_00.",
)
clusters_option = click.option(
    "--clusters/--no-clusters",
    default=None,
    help="Judge segments with the same label together where one alone says too little, or each"
    " alone [together].",
)
min_speech_option = click.option(
    "--min-speech",
    type=Number(min=0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Refuse to enroll somebody with less speech in total.",
)
force_option = click.option(
    "--force",
    is_flag=True,
    help="Enroll even if there is little speech, or it sounds like several people or like somebody"
    " else. Nothing is left out.",
)


def _end_of_day(value: str) -> datetime:
    """When a day given as 2027-01-31 ends in this machine's zone."""
    return _moment(value, lambda: datetime.strptime(value, "%Y-%m-%d") + timedelta(days=1))


def start_of_day(value: str) -> datetime:
    """A moment; without a time of day the start of the day, without a zone in this machine's."""
    return _moment(value, lambda: datetime.fromisoformat(value))


def _moment(value: str, read: Callable[[], datetime]) -> datetime:
    try:
        return read().astimezone()
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value[:60]!r} is not a date such as 2027-01-31") from None


until_option = click.option(
    "--until",
    type=_end_of_day,
    metavar="DATE",
    help="Last day of the consent, in this machine's time zone, such as 2027-01-31 [no end].",
)
purpose_option = click.option(
    "--purpose",
    default="speaker identification",
    show_default=True,
    metavar="TEXT",
    help="What the person agreed to.",
)
dry_run_option = dry_run("deleted")
yes_option = click.option(
    "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal."
)
format_option = click.option(
    "--format",
    "format_name",
    metavar="NAME",
    help="Format of the segments, see `pgvoice format list` [detected].",
)
uri_option = click.option(
    "--uri", metavar="URI", help="Recording to read from an RTTM, CTM or STM file of several."
)
uem_option = click.option(
    "--uem",
    type=ExistingPath(dir_okay=False),
    metavar="FILE",
    help="Use only the regions in this UEM file, and the recordings that it names.",
)


class Rule(TypedDict):
    """Who is named, as `rule_options` give it to a command and the store's facets take it."""

    threshold: float | None
    min_margin: float | None
    encoder: str | None


def rule_options(command: Decorated) -> Decorated:
    """Options of commands that name people: the fields of a `Rule`."""
    return threshold_option(margin_option(stored_encoder_option(command)))


def open_store(command: Callable[..., None]) -> Callable[..., None]:
    """Opens the store of ``--url`` around the command, and gives it as the argument `store`."""

    @url_option
    @wraps(command)
    def opened(*arguments: object, url: str | None, **options: object) -> None:
        with VoiceStore.open(url) as store:
            command(*arguments, store=store, **options)

    return opened


def url_options(command: Decorated) -> Decorated:
    """`store_options` for a command that opens the store itself, which takes `url`."""
    return url_option(json_option(command))


def store_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of most commands: which database, and which form of the answer."""
    return open_store(json_option(command))


def model_options(command: Decorated) -> Decorated:
    """Options of commands that may compute vectors."""
    return encoder_option(device_option(command))


def worker_options(command: Decorated) -> Decorated:
    """Options of commands that fill many recordings."""
    workers = integer(
        "--workers",
        1,
        "Processes that each load the models [1; on a Ray cluster one per GPU, or as many as its"
        " cores allow].",
    )
    ray = click.option(
        "--ray",
        metavar="ADDRESS",
        help="Work on this Ray cluster: host:port, auto, or local for a cluster on this machine.",
    )
    cores = integer("--cores", 1, "Cores of each worker on a Ray cluster.", 1)
    again = "Try a failed recording again this many times, after the others."
    return workers(ray(cores(integer("--retries", 0, again, 2)(command))))


def consent_options(command: Decorated) -> Decorated:
    """Options that record the consent of the person who is enrolled."""
    evidence = click.option(
        "--consent",
        "evidence",
        metavar="TEXT",
        help="The person agreed; TEXT says where that is documented.",
    )
    return evidence(purpose_option(until_option(command)))


def _picture(value: str) -> Path:
    path = Path(value)
    if path.suffix.lower() not in (".png", ".svg", ".html"):
        raise click.BadParameter(f"{value!r} does not end in .png, .svg or .html")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}")
    return path


plot_option = click.option(
    "--plot",
    "picture",
    type=_picture,
    metavar="FILE",
    help="Also write a picture: .png, .svg, or .html that needs no other file.",
)


def span(value: str) -> Span:
    """A span of time, ``12.5-15`` or ``1:02-1:05.5``, as (start, end) in seconds."""
    try:
        return parse_span(value)
    except (FormatError, ValueError) as error:
        raise click.BadParameter(str(error)) from error


def document_from(path: str, format_name: str | None, uri: str | None) -> SegmentsDocument:
    """A file of segments, or standard input for ``-``."""
    from pgvoice.hooks.formats.encodings import UNICODE
    from pgvoice.hooks.formats.reading import read_document

    source = sys.stdin.buffer if path == STANDARD_INPUT else path
    found = read_document(source, format=format_name, uri=uri)
    if found.encoding not in UNICODE:
        click.echo(f"{found.name} is not UTF-8: read as {found.encoding}", err=True)
    return found


def reference_file(value: str) -> ReferenceFile:
    """A file that says who speaks when: VIDEO=FILE, or FILE if it names its recordings."""
    from pgvoice.hooks.evaluate.reference_files import ReferenceFile

    video, _, path = ("", "", value) if Path(value).is_file() else value.partition("=")
    if not path:
        raise click.BadParameter(f"{value!r} is neither VIDEO=FILE nor a file")
    if not Path(path).is_file():
        raise click.BadParameter(f"there is no file {path!r}")
    return ReferenceFile(path, video or None)


def turns_from(store: VoiceStore, files: Sequence[ReferenceFile]) -> dict[str, list[Turn]]:
    """The turns of these files by video; warns of what the store does not have."""
    from pgvoice.hooks.evaluate.reference_files import read_references

    found = read_references(store, files)
    for warning in found.left_out:
        click.echo(f"Warning: {warning}", err=True)
    return found.turns


def scored_from(store: VoiceStore, turns: dict[str, list[Turn]], path: str | None) -> Scored | None:
    """The recordings that ``--uem`` names, if it is given; warns of those that it does not."""
    if path is None:
        return None
    from pgvoice.hooks.evaluate.regions import only_scored

    found = only_scored(store, turns, path)
    for warning in found.left_out:
        click.echo(f"Warning: {warning}", err=True)
    return found


def spans(segments: Sequence[Turn]) -> list[Span]:
    """Their (start, end) in seconds."""
    return [(segment.start, segment.end) for segment in segments]


def somebody_answers() -> bool:
    """Whether there is a terminal to ask at."""
    return sys.stdin.isatty()


def confirm(question: str, yes: bool) -> None:
    """Continue only after a yes: ``--yes``, or the answer of a person at a terminal."""
    if yes:
        return
    if not somebody_answers():
        preview = ", or --dry-run" if "dry_run" in click.get_current_context().params else ""
        raise click.UsageError(f"{question} There is no terminal to ask at: give --yes{preview}.")
    click.confirm(question, abort=True, err=True)
