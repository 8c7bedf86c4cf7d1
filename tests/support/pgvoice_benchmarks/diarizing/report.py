"""Tables of error rates, and what misses the required ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pgvoice.hooks.evaluate.diarization import DiarizationError
from pgvoice_benchmarks.diarizing.scoring import LENIENT, STRICT, WAYS, Score, together
from pgvoice_benchmarks.diarizing.sets import KNOWN, REQUIRED, RIGHT_NUMBER
from pgvoice_benchmarks.tables import NOTHING, Table

#: The scores of the files of each set.
Scores = Mapping[str, Mapping[str, Score]]

_RATES = tuple(f"DER, {way.name}" for way in WAYS)
_PARTS = ("missed", "false alarm", "confusion", "JER")


def by_set(scores: Scores) -> Table:
    """A row for each set; missed, false alarm and confusion are parts of the last DER.

    The first and the last DER are those that something is required of.
    """
    table = Table(
        "Error rates of turns from audio alone, in percent",
        ("set", *_RATES, "required", *_PARTS, "right number of people"),
    )
    for group, files in scores.items():
        one = together(files.values())
        required = " / ".join(f"{most:g}" for most in REQUIRED.get(group, ())) or NOTHING
        number = f"{one.right} of {one.files}"
        table.add(group, *_ders(one), required, *_parts(one), number)
    return table


def by_file(scores: Scores) -> Table:
    """A row for each file."""
    table = Table("By file, in percent", ("file", *_RATES, *_PARTS, "people", "found"))
    for files in scores.values():
        for key, one in files.items():
            table.add(key, *_ders(one), *_parts(one), str(one.people), str(one.found))
    return table


def _ders(one: Score) -> list[str]:
    return [f"{one.percent(way):.1f}" for way in WAYS]


def _parts(one: Score) -> list[str]:
    strict = one.errors[STRICT]
    parts = (strict.missed, strict.false_alarm, strict.confusion)
    shares = [100 * part / strict.speech if strict.speech else float("nan") for part in parts]
    return [f"{share:.1f}" for share in (*shares, one.jer)]


def compared(by_diarizer: Mapping[str, Scores], costs: Mapping[str, float]) -> Table:
    """A row for each diarizer: DER by set, lenient and strict, and the right numbers of people."""
    groups = list(dict.fromkeys(group for scores in by_diarizer.values() for group in scores))
    table = Table(
        f"DER of diarizers in percent: {LENIENT.name} / {STRICT.name}; right numbers of people",
        ("diarizer", *groups, "right number", "processor per minute of audio"),
    )
    for name, scores in by_diarizer.items():
        cells = [_both(scores[group]) if group in scores else NOTHING for group in groups]
        number = together(one for files in scores.values() for one in files.values())
        cost = f"{60 * costs[name]:.1f} s" if name in costs else NOTHING
        table.add(name, *cells, f"{number.right} of {number.files}", cost)
    return table


def _both(files: Mapping[str, Score]) -> str:
    one = together(files.values())
    return f"{one.percent(LENIENT):.1f} / {one.percent(STRICT):.1f}"


def with_names(rows: Mapping[str, Sequence[DiarizationError]]) -> Table:
    """Identification error rates of given turns and of turns from audio, by set."""
    table = Table(
        "IER with names, in percent: given turns, and turns from audio alone",
        ("set", "given turns", "of it misnamed", "from audio", "missed", "false alarm", "misnamed"),
    )
    for group, (given, heard) in rows.items():
        parts = (heard.missed, heard.false_alarm, heard.misnamed)
        shares = [given.ier, given.misnamed / given.speech, heard.ier]
        shares += [part / heard.speech for part in parts]
        table.add(group, *(f"{100 * share:.1f}" for share in shares))
    return table


def failures(scores: Scores) -> Iterator[str]:
    """What is worse than required."""
    for group, required in REQUIRED.items():
        if group not in scores:
            continue
        found = together(scores[group].values())
        for way, most in ((LENIENT, required.lenient), (STRICT, required.strict)):
            if round(found.percent(way), 1) > most:
                yield f"{group}: DER at {way.name} is {found.percent(way):.1f} %, not {most:g} %"
    if all(group in scores for group in KNOWN):
        known = together(one for group in KNOWN for one in scores[group].values())
        if known.right < RIGHT_NUMBER * known.files:
            yield f"the number of people is right in {known.right} of {known.files} files only"
