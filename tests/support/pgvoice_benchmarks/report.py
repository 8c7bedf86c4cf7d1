"""Tables of the results of `fill.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pgvoice.hooks import FillReport
from pgvoice_benchmarks.encoding.subject import Subject
from pgvoice_benchmarks.material import Span
from pgvoice_benchmarks.tables import NOTHING, Table, ratio, seconds
from pgvoice_benchmarks.timing import Timed

ORIGINAL = "original way"
COLD = "fill, empty store"
#: The runs on a file by name.
FileRuns = Mapping[str, Timed[FillReport | None]]

_FILE_COLUMNS = (
    "file",
    "what",
    "seconds",
    "original takes",
    "cold takes",
    "vectors",
    "decode",
    "encode",
    "encode / one by one",
    "encode / floor",
)


def file_table(subject: Subject, results: Mapping[str, FileRuns], alone: float, step: int) -> Table:
    """The runs that start from a file; `alone` is the time of encoding one by one."""
    title = f"{subject.name} from a file"
    if step > 1:
        title += f"; the original way measured on every {step}th segment, and scaled up"
    table = Table(title, _FILE_COLUMNS, words=2)
    for name, runs in results.items():
        if ORIGINAL not in runs:
            nothing = [NOTHING] * (len(_FILE_COLUMNS) - 3)
            table.add(name, ORIGINAL, "not readable", *nothing)
        for what, run in runs.items():
            table.add(name, what, *_cells(runs, run), *_parts(subject, run.result, alone))
    return table


def _cells(runs: FileRuns, run: Timed[FillReport | None]) -> tuple[str, ...]:
    """Seconds, and the times of the original way and of the cold fill divided by them."""
    original = ratio(runs[ORIGINAL].seconds, run.seconds) if ORIGINAL in runs else NOTHING
    cold = NOTHING if run is runs.get(ORIGINAL) else ratio(runs[COLD].seconds, run.seconds)
    return seconds(run.seconds), original, cold


def _parts(subject: Subject, report: FillReport | None, alone: float) -> tuple[str, ...]:
    """Vectors, seconds of decoding and encoding, and the ratios of a complete fill."""
    if report is None:
        return (NOTHING,) * 5
    run = report.run
    decode, encode = seconds(run.decode_seconds), seconds(run.encode_seconds)
    if run.hits:
        return str(run.filled), decode, encode, NOTHING, NOTHING
    beside = (ratio(run.encode_seconds, other) for other in (alone, subject.floor.seconds))
    return str(run.filled), decode, encode, *beside


def material_line(spans: Sequence[Span], minutes: float, kind: str) -> str:
    """A description of the audio and its segments."""
    return f"{minutes:g} minutes of {kind}, 44.1 kHz, two channels; {segments_line(spans)}"


def segments_line(spans: Sequence[Span]) -> str:
    """How many segments, and how long they are."""
    durations = sorted(end - start for start, end in spans)
    middle = durations[len(durations) // 2]
    return (
        f"{len(spans)} segments of {durations[0]:.1f} to {durations[-1]:.1f} s, {middle:.1f} s in"
        f" the middle, {sum(durations):.0f} s together"
    )
