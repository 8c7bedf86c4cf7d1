"""TextGrid, Praat's format: the intervals with text of each tier, whose name is the speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pgvoice.hooks.formats.documents import Edit, line_end, with_edits
from pgvoice.hooks.formats.format import Format, check_aligned, printable
from pgvoice.hooks.formats.tracks.grids import Grid, Interval, matches_grid, parsed_grid
from pgvoice.hooks.formats.tracks.tracks import (
    NOBODY,
    Piece,
    Track,
    check_new,
    check_tracks,
    label_of,
    track_names,
    without_overlaps,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

# Only the long form of a text says what its numbers are.
_LONG = re.compile(r"^\s*xmin\s*=", re.MULTILINE)
# What the long form has before a value.
_NAMED = re.compile(r"\s*[^=\"<]*(?:= |\[\d*\]:)")
#: What a turn without text says, since an interval without text is silence.
_SOUNDING = "speech"


def read_textgrid(text: str, *, uri: str | None = None) -> list[Turn]:
    """The intervals with text, by time; points are not read."""
    return [turn for _, _, turn in parsed_grid(text).turns()]


def write_textgrid(
    labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
) -> str:
    """Change the name of a tier, or move intervals that get several names into tiers of their own.

    The new tiers come last, and the intervals stay behind without text. In a new document, a turn
    without text says "speech".
    """
    names = track_names(labelled, "textgrid", new=source is None)
    text = _new(labelled, names) if source is None else _named(labelled, names, source)
    if labelled:
        check_tracks(labelled, names, read_textgrid(text), "textgrid")
    return text


def _named(labelled: Sequence[Labelled], names: Sequence[str | None], source: str) -> str:
    grid = parsed_grid(source)
    turns = grid.turns()
    check_aligned(labelled, [turn for _, _, turn in turns])
    edits, moved = list[Edit](), list[Piece[Interval]]()
    by_tier: dict[int, list[tuple[Interval, Turn, str | None]]] = {}
    for (number, interval, turn), name in zip(turns, names, strict=True):
        by_tier.setdefault(number, []).append((interval, turn, name))
    for number, own in by_tier.items():
        tier = grid.tiers[number]
        different = {name for _, _, name in own}
        if different == {label_of(tier.name.string)}:
            continue
        if len(different) == 1:
            edits.append(Edit(tier.name.start, tier.name.end, _quoted(own[0][2] or NOBODY)))
            continue
        for interval, turn, name in own:
            if name != turn.label:
                edits.append(Edit(interval.text.start, interval.text.end, '""'))
                moved.append(Piece((name, number), turn.start, turn.end, interval))
    tracks = without_overlaps(moved)
    if tracks and grid.size is not None:
        edits.append(Edit(grid.size.start, grid.size.end, str(len(grid.tiers) + len(tracks))))
    added = [
        _tier_lines(_moved_tier(track, grid), len(grid.tiers) + place)
        for place, track in enumerate(tracks, 1)
    ]
    return _appended(with_edits(source, edits), added)


class _NewTier(NamedTuple):
    """A tier to be written: times as they are written, texts without quotes."""

    name: str
    start: str
    end: str
    intervals: list[tuple[str, str, str]]


def _moved_tier(track: Track[Interval], grid: Grid) -> _NewTier:
    name, number = track.of
    tier = grid.tiers[number]
    said = [
        (each.content.start.raw, each.content.end.raw, each.content.text.string)
        for each in track.pieces
    ]
    return _NewTier(name or NOBODY, tier.start.raw, tier.end.raw, said)


def _new(labelled: Sequence[Labelled], names: Sequence[str | None]) -> str:
    pieces = []
    for index, (each, name) in enumerate(zip(labelled, names, strict=True)):
        start, end = check_new(index, each, 6)
        said = " ".join(filter(None, map(printable, (each.segment.text or "").splitlines())))
        pieces.append(Piece((name, 0), start, end, said or _SOUNDING))
    last = _time(max((piece.end for piece in pieces), default=1.0))
    tracks = without_overlaps(pieces)
    header = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0"]
    header += [f"xmax = {last}", "tiers? <exists>", f"size = {len(tracks)}", "item []:"]
    tiers = [
        _tier_lines(
            _NewTier(
                track.of[0] or NOBODY,
                "0",
                last,
                [(_time(one.start), _time(one.end), one.content) for one in track.pieces],
            ),
            number,
        )
        for number, track in enumerate(tracks, 1)
    ]
    return "\n".join([*header, *(line for tier in tiers for line in tier)]) + "\n"


def _appended(text: str, tiers: Sequence[list[str]]) -> str:
    """The text with more tiers, in its own form and with its own line ends."""
    if not tiers:
        return text
    end = line_end(text)
    lines = [line for tier in tiers for line in tier]
    if _LONG.search(text) is None:
        kept = (_NAMED.sub("", line, count=1) for line in lines)
        lines = [line.strip() for line in kept if line.strip()]
    joined = text if text.endswith(("\n", "\r")) else text + end
    return joined + "".join(line + end for line in lines)


def _tier_lines(tier: _NewTier, number: int) -> list[str]:
    """The lines of a tier in the long form; intervals without text fill what lies between."""
    filled = list(_filled(tier))
    lines = [f"    item [{number}]:", '        class = "IntervalTier"']
    lines += [f"        name = {_quoted(tier.name)}", f"        xmin = {tier.start}"]
    lines += [f"        xmax = {tier.end}", f"        intervals: size = {len(filled)}"]
    for place, (start, end, said) in enumerate(filled, 1):
        lines += [f"        intervals [{place}]:", f"            xmin = {start}"]
        lines += [f"            xmax = {end}", f"            text = {_quoted(said)}"]
    return lines


def _filled(tier: _NewTier) -> Iterator[tuple[str, str, str]]:
    at = tier.start
    for start, end, said in tier.intervals:
        if float(start) > float(at):
            yield at, start, ""
        yield start, end, said
        at = end
    if float(tier.end) > float(at):
        yield at, tier.end, ""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _time(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


TEXTGRID = Format(
    "textgrid",
    (".textgrid",),
    read_textgrid,
    matches_grid,
    write_textgrid,
    summary="Praat's tiers of intervals",
)
