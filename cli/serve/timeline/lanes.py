"""The timeline: a lane per person, unknown voice or suggestion; where each block is drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pgvoice.cli import output
from pgvoice.cli.pictures import timeline
from pgvoice.cli.serve.site import clip_url, url
from pgvoice.cli.serve.timeline.reasons import similarity
from pgvoice.cli.serve.timeline.rows import TurnRow
from pgvoice.cli.serve.timeline.window import Window

#: The page of this recording, at another window.
Place = Callable[[Window], str]
Kind = Literal["person", "voice", "suggested", "nobody"]
_ORDER: tuple[Kind, ...] = ("person", "voice", "suggested", "nobody")
#: Lanes at most; the last one is for all others.
MAX_LANES = 24
#: With more turns than this, those of a lane that are closer together than a pixel or two are one
#: block, which leads to its part of the recording.
SINGLE = 250
_NEAR, _SMALLEST = 1 / 250, 0.4
#: Similarities from which on the shade is one step darker.
_SHADES = (0.2, 0.35, 0.5, 0.65)
#: Pixels: a lane with its name, and the scale above.
LANE, SCALE = 44, 24
_TICKS = 6


@dataclass(frozen=True, slots=True)
class Block:
    """A turn, or several close together; `x` and `width` in percent of the window."""

    x: float
    width: float
    #: From 0, the palest, to 4.
    shade: int
    is_pinned: bool
    title: str
    href: str
    #: Whether `href` is a clip.
    plays: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """The turns of one person or voice."""

    name: str
    kind: Kind
    #: The page of the person or the voice; None if there is none.
    href: str | None
    seconds: float
    blocks: list[Block]
    #: Pixels from the top.
    y: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the template draws."""

    lanes: list[Lane]
    #: Percent, and the time there.
    ticks: list[tuple[float, str]]
    height: int


def draw(rows: Sequence[TurnRow], shown: Window, video: str, at: Place) -> Timeline:
    """The lanes of the rows in a window, people first, those with the longest speech first."""
    join = shown.seconds * _NEAR if len(rows) > SINGLE else -1.0
    lanes = [
        Lane(
            name=name,
            kind=kind,
            href=_page(kind, each[0]),
            seconds=_speech(each),
            blocks=[_block(block, shown, video, at) for block in _joined(each, join)],
            y=SCALE + number * LANE,
        )
        for number, (kind, name, each) in enumerate(_groups(rows))
    ]
    return Timeline(lanes, _ticks(shown), len(lanes) * LANE + SCALE)


def _groups(rows: Sequence[TurnRow]) -> list[tuple[Kind, str, list[TurnRow]]]:
    """The rows of each lane, from the top."""
    grouped = defaultdict[tuple[Kind, str], list[TurnRow]](list)
    for row in rows:
        grouped[_lane_of(row)].append(row)
    ordered = [(kind, name, each) for (kind, name), each in grouped.items()]
    ordered.sort(key=lambda lane: (_ORDER.index(lane[0]), -_speech(lane[2]), lane[1]))
    if len(ordered) <= MAX_LANES:
        return ordered
    others = sorted((row for lane in ordered[MAX_LANES - 1 :] for row in lane[2]), key=_start)
    name = f"{len(ordered) - MAX_LANES + 1} others"
    return [*ordered[: MAX_LANES - 1], ("nobody", name, others)]


def _lane_of(row: TurnRow) -> tuple[Kind, str]:
    if row.speaker is not None:
        return "person", row.speaker
    if row.voice is not None:
        return "voice", row.who
    return ("suggested" if row.suggested else "nobody"), row.who


def _page(kind: Kind, row: TurnRow) -> str | None:
    if kind == "person" and row.speaker is not None:
        return url("/person", name=row.speaker)
    return f"/review/{row.voice}" if kind == "voice" else None


def _start(row: TurnRow) -> float:
    return row.start


def _speech(rows: Sequence[TurnRow]) -> float:
    return sum(row.end - row.start for row in rows)


def _joined(rows: Sequence[TurnRow], near: float) -> list[list[TurnRow]]:
    """Rows of a lane that are at most so many seconds apart, together; each alone if negative."""
    found = list[list[TurnRow]]()
    for row in rows:
        if near >= 0 and found and row.start - found[-1][-1].end <= near:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _block(rows: Sequence[TurnRow], shown: Window, video: str, at: Place) -> Block:
    first, last = rows[0].start, max(row.end for row in rows)
    left = max(0.0, 100 * (first - shown.start) / shown.seconds)
    right = min(100.0, 100 * (last - shown.start) / shown.seconds)
    known = [row.similarity for row in rows if row.similarity is not None]
    mean = sum(known) / len(known) if known else 0.0
    plays = len(rows) == 1
    return Block(
        x=round(min(left, 100 - _SMALLEST), 3),
        width=round(max(right - left, _SMALLEST), 3),
        shade=sum(mean >= least for least in _SHADES),
        is_pinned=any(row.is_pinned for row in rows),
        title=_told(rows, mean if known else None),
        href=clip_of(video, rows[0]) if plays else at(Window(first, last, shown.total)),
        plays=plays,
    )


def place(video: str, there: Window, answers: str, encoder: str | None) -> str:
    """The page of a recording, at a window."""
    span = {"from": f"{there.start:.3f}", "to": f"{there.end:.3f}"}
    whole = {} if there.is_whole else span
    return url("/recording", video=video, answers=answers, encoder=encoder or None, **whole)


def clip_of(video: str, row: TurnRow) -> str:
    """Where a turn can be heard."""
    return clip_url(video, row.start, row.end)


def _told(rows: Sequence[TurnRow], mean: float | None) -> str:
    span = f"{output.clock(rows[0].start)} to {output.clock(max(row.end for row in rows))}"
    reached = "" if mean is None else f", similarity {similarity(mean)}"
    if len(rows) > 1:
        return f"{rows[0].who}, {len(rows)} turns, {span}{reached and f'{reached} on average'}"
    return f"{rows[0].who}, {span}{reached}, {rows[0].reason}"


def _ticks(shown: Window) -> list[tuple[float, str]]:
    step = timeline.step(shown.seconds, _TICKS)
    first = int(shown.start / step) + (shown.start % step > 0)
    times = []
    while (time := first * step) < shown.end - step / 4:
        times.append((round(100 * (time - shown.start) / shown.seconds, 3), timeline.clock(time)))
        first += 1
    return times
