"""ELAN: the annotations of each top tier, whose participant is the speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, count
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from pgvoice.hooks.formats.format import Format, check_aligned, printable
from pgvoice.hooks.formats.tracks.eaf import (
    Annotation,
    Eaf,
    Place,
    Tier,
    matches_eaf,
    parsed_eaf,
)
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

_ATTRIBUTE = r"""(\s{}\s*=\s*)(?:"[^"]*"|'[^']*')"""
_HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="{date}" FORMAT="3.0" VERSION="3.0"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\
 xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
    <TIME_ORDER>
"""
_FOOTER = """    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt"\
 TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


class _Own(NamedTuple):
    """A turn of a tier, and the name that it gets."""

    tier: Tier
    annotation: Annotation
    turn: Turn
    name: str | None = None


def read_elan(text: str, *, uri: str | None = None) -> list[Turn]:
    """The annotations of top tiers, by time; the tiers below them describe the same speech.

    The label is the tier's participant, or else its name.
    """
    return [each.turn for each in _turns(parsed_eaf(text))]


def write_elan(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """Change the participant of a tier, or move annotations that get several into new tiers.

    What the tiers below say of an annotation moves with it.
    """
    names = track_names(labelled, "elan", new=source is None)
    text = _new(labelled, names) if source is None else _named(labelled, names, source)
    if labelled:
        check_tracks(labelled, names, read_elan(text), "elan")
    return text


def _turns(document: Eaf) -> list[_Own]:
    found = []
    for tier in document.tiers:
        for one in tier.annotations if tier.parent is None else []:
            start, end = document.times(one)
            turn = Turn(start / 1000, end / 1000, _label(tier), one.text.strip())
            found.append(_Own(tier, one, turn))
    places = {id(tier): place for place, tier in enumerate(document.tiers)}
    return sorted(found, key=lambda own: (own.turn.start, own.turn.end, places[id(own.tier)]))


def _label(tier: Tier) -> str | None:
    return label_of(tier.attributes.get("PARTICIPANT", "").strip() or tier.name)


def _named(labelled: Sequence[Labelled], names: Sequence[str | None], source: str) -> str:
    document = parsed_eaf(source)
    turns = _turns(document)
    check_aligned(labelled, [each.turn for each in turns])
    by_tier: dict[int, list[_Own]] = {}
    for each, name in zip(turns, names, strict=True):
        by_tier.setdefault(id(each.tier), []).append(each._replace(name=name))
    edits, moves = list[tuple[Place, bytes]](), list[tuple[Tier, str, list[Annotation]]]()
    for own in by_tier.values():
        tier, different = own[0].tier, {each.name for each in own}
        if different == {_label(tier)}:
            continue
        if len(different) == 1:
            tag = _with_attribute(_slice(document, tier.tag), "PARTICIPANT", own[0].name or NOBODY)
            edits.append((tier.tag, tag.encode()))
            continue
        for name in dict.fromkeys(each.name for each in own if each.name != _label(tier)):
            moving = [one.annotation for one in own if one.name == name]
            moves.append((tier, name or NOBODY, moving))
    if moves:
        edits += _moved(document, moves)
    return _edited(document.data, edits)


def _moved(
    document: Eaf, moves: Sequence[tuple[Tier, str, list[Annotation]]]
) -> list[tuple[Place, bytes]]:
    """What removes annotations from their tiers, and puts them into new ones at the end."""
    owners = document.owners()
    taken = {tier.name for tier in document.tiers}
    edits, added = list[tuple[Place, bytes]](), list[str]()
    for top, name, moving in moves:
        starts = {one.place.start for one in moving}
        renamed: dict[str, str] = {}
        for tier in _below(document, top):
            with_it = [
                one
                for one in tier.annotations
                if one.place.start in owners and owners[one.place.start].place.start in starts
            ]
            if not with_it:
                continue
            renamed[tier.name] = _free(f"{tier.name} {name}", taken)
            edits += [(one.place, b"") for one in with_it]
            added.append(_new_tier(document, tier, name, renamed, with_it))
    last = document.tiers[-1].place.end
    return [*edits, (Place(last, last), "".join(added).encode())]


def _below(document: Eaf, top: Tier) -> list[Tier]:
    """A tier and those that depend on it, each after its parent."""
    found, names = [top], {top.name}
    while more := [
        tier
        for tier in document.tiers
        if tier.parent in names and tier.name not in names and tier is not top
    ]:
        found += more
        names |= {tier.name for tier in more}
    return found


def _free(name: str, taken: set[str]) -> str:
    """The name, or the name with a number, that no tier has."""
    numbered = (f"{name} {number}" for number in count(2))
    found = next(one for one in chain([name], numbered) if one not in taken)
    taken.add(found)
    return found


def _new_tier(
    document: Eaf, tier: Tier, name: str, renamed: dict[str, str], annotations: list[Annotation]
) -> str:
    tag = _with_attribute(_slice(document, tier.tag), "TIER_ID", renamed[tier.name])
    tag = _with_attribute(tag, "PARTICIPANT", name)
    if tier.parent is not None:
        tag = _with_attribute(tag, "PARENT_REF", renamed.get(tier.parent, tier.parent))
    inside = "".join(f"\n        {_slice(document, one.place)}" for one in annotations)
    return f"\n    {tag}{inside}\n    </TIER>"


def _with_attribute(tag: str, name: str, value: str) -> str:
    """The start tag with another value, or with the attribute as its last."""
    quoted = quoteattr(value)
    changed, found = re.subn(_ATTRIBUTE.format(name), lambda old: old[1] + quoted, tag, count=1)
    if found:
        return changed
    end = "/>" if tag.endswith("/>") else ">"
    return f"{tag.removesuffix(end).rstrip()} {name}={quoted}{end}"


def _slice(document: Eaf, place: Place) -> str:
    return document.data[place.start : place.end].decode()


def _edited(data: bytes, edits: Sequence[tuple[Place, bytes]]) -> str:
    pieces, at = [], 0
    for place, new in sorted(edits):
        pieces += [data[at : place.start], new]
        at = place.end
    return b"".join([*pieces, data[at:]]).decode()


def _new(labelled: Sequence[Labelled], names: Sequence[str | None]) -> str:
    pieces = []
    for index, (each, name) in enumerate(zip(labelled, names, strict=True)):
        start, end = check_new(index, each, 3)
        said = "\n".join(filter(None, map(printable, (each.segment.text or "").splitlines())))
        pieces.append(Piece((name, 0), round(start * 1000), round(end * 1000), said))
    times = sorted({time for piece in pieces for time in (piece.start, piece.end)})
    slots = {time: f"ts{number}" for number, time in enumerate(times, 1)}
    numbers, taken = count(1), set[str]()
    lines = [_slot_line(slot, time) for time, slot in slots.items()]
    lines.append("    </TIME_ORDER>\n")
    for track in without_overlaps(pieces):
        lines += _track_lines(track, slots, numbers, taken)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return _HEADER.format(date=date) + "".join(lines) + _FOOTER


def _slot_line(slot: str, time: float) -> str:
    return f'        <TIME_SLOT TIME_SLOT_ID="{slot}" TIME_VALUE="{time:.0f}"/>\n'


def _track_lines(
    track: Track[str], slots: dict[float, str], numbers: Iterator[int], taken: set[str]
) -> Iterator[str]:
    name = track.of[0] or NOBODY
    attributes = f"PARTICIPANT={quoteattr(name)} TIER_ID={quoteattr(_free(name, taken))}"
    yield f'    <TIER LINGUISTIC_TYPE_REF="default-lt" {attributes}>\n'
    for piece in track.pieces:
        times = f'TIME_SLOT_REF1="{slots[piece.start]}" TIME_SLOT_REF2="{slots[piece.end]}"'
        yield (
            "        <ANNOTATION>\n"
            f'            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a{next(numbers)}" {times}>\n'
            f"                <ANNOTATION_VALUE>{escape(piece.content)}</ANNOTATION_VALUE>\n"
            "            </ALIGNABLE_ANNOTATION>\n        </ANNOTATION>\n"
        )
    yield "    </TIER>\n"


ELAN = Format(
    "elan", (".eaf",), read_elan, matches_eaf, write_elan, summary="ELAN's tiers of annotations"
)
