"""EAF, the XML of ELAN: tiers and annotations, and where they are in the document."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import shown

_ROOT = "ANNOTATION_DOCUMENT"
# A tag of well-formed XML, from its "<".
_TAG = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*+>""")
_KINDS = frozenset({"ALIGNABLE_ANNOTATION", "REF_ANNOTATION"})
_MILLISECONDS = re.compile(r"\d{1,15}", re.ASCII)
#: How many characters decide whether a text is a document of ELAN.
_HEAD = 10_000


class Place(NamedTuple):
    """Where something is in the document, in bytes of UTF-8."""

    start: int
    end: int


@dataclass(slots=True, eq=False)
class Annotation:
    """An annotation; one of a symbolic tier refers to another instead of two times."""

    place: Place
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(slots=True, eq=False)
class Tier:
    """A tier; its parent is the tier whose annotations it divides or describes."""

    attributes: dict[str, str]
    #: The start tag, and the whole element.
    tag: Place
    place: Place
    annotations: list[Annotation] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name, which is unique in a document."""
        return self.attributes.get("TIER_ID", "")

    @property
    def parent(self) -> str | None:
        """The name of the parent, if the tier has one."""
        return self.attributes.get("PARENT_REF")


@dataclass(slots=True)
class Eaf:
    """The tiers of a document, and the times of its slots."""

    data: bytes
    tiers: list[Tier] = field(default_factory=list)
    #: In their order; None for a slot without a time.
    slots: dict[str, int | None] = field(default_factory=dict)

    def times(self, annotation: Annotation) -> tuple[int, int]:
        """Start and end in milliseconds; `FormatError` if the annotation has no times."""
        start, end = (
            self.slots.get(annotation.attributes.get(f"TIME_SLOT_REF{which}", ""))
            for which in (1, 2)
        )
        if start is None or end is None:
            name = annotation.attributes.get("ANNOTATION_ID", "")
            raise FormatError(f"annotation {shown(name)} has no times: align it in ELAN")
        return start, end

    def owners(self) -> dict[int, Annotation]:
        """The annotation of a top tier that each annotation belongs to, by its place."""
        return _Owners(self).found


class _Owners:
    """Follows references, and times within those of the parent's annotations."""

    def __init__(self, document: Eaf) -> None:
        self._order = _filled(document.slots)
        self._by_id = {
            one.attributes.get("ANNOTATION_ID", ""): one
            for tier in document.tiers
            for one in tier.annotations
        }
        self._tiers = {tier.name: tier for tier in document.tiers}
        self.found: dict[int, Annotation] = {}
        for tier in _parents_first(document.tiers):
            for one in tier.annotations:
                above = one if tier.parent is None else self._above(tier, one)
                owner = None if above is None else self.found.get(above.place.start, above)
                if owner is not None:
                    self.found[one.place.start] = owner

    def _above(self, tier: Tier, annotation: Annotation) -> Annotation | None:
        reference = annotation.attributes.get("ANNOTATION_REF")
        if reference is not None:
            return self._by_id.get(reference)
        parent = self._tiers.get(tier.parent or "")
        span = self._span(annotation)
        if parent is None or span is None:
            return None
        middle = sum(span) / 2
        for one in parent.annotations:
            around = self._span(one)
            if around is not None and around[0] <= middle <= around[1]:
                return one
        return None

    def _span(self, annotation: Annotation) -> tuple[float, float] | None:
        start, end = (
            self._order.get(annotation.attributes.get(f"TIME_SLOT_REF{which}", ""))
            for which in (1, 2)
        )
        return None if start is None or end is None else (start, end)


def _parents_first(tiers: list[Tier]) -> list[Tier]:
    """The tiers, each after its parent; without those whose parents do not exist, and circles."""
    ordered: list[Tier] = []
    known: set[str] = set()
    waiting = list(tiers)
    while waiting:
        ready = [tier for tier in waiting if tier.parent is None or tier.parent in known]
        if not ready:
            break
        ordered += ready
        known |= {tier.name for tier in ready}
        waiting = [tier for tier in waiting if tier.name not in known]
    return ordered


def _filled(slots: dict[str, int | None]) -> dict[str, float]:
    """The times of all slots; those without one are spread evenly, as ELAN draws them."""
    names, times = list(slots), list(slots.values())
    known = [(place, time) for place, time in enumerate(times) if time is not None]
    found = {}
    for place, (name, time) in enumerate(zip(names, times, strict=True)):
        at = bisect_left(known, (place,))
        if time is not None:
            found[name] = float(time)
        elif 0 < at < len(known):
            (before, first), (after, last) = known[at - 1], known[at]
            found[name] = first + (last - first) * (place - before) / (after - before)
    return found


def matches_eaf(text: str) -> bool:
    """Whether a text begins as a document of ELAN does."""
    head = text[:_HEAD].lstrip()
    return head.startswith("<") and f"<{_ROOT}" in head


def parsed_eaf(text: str) -> Eaf:
    """The tiers of a document; `FormatError` for other XML, and for any definition of entities."""
    data = text.encode()
    found = Eaf(data)
    handlers = _Handlers(found)
    # Bytes are UTF-8 here, whatever the declaration says that the file was.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    handlers.attach(parser)
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset + 1}"
        raise FormatError(f"{where}: found invalid XML, {expat.ErrorString(error.code)}") from error
    return found


class _Handlers:
    """Receives what the parser finds."""

    def __init__(self, document: Eaf) -> None:
        self._document = document
        self._open: list[str] = []
        self._tier: Tier | None = None
        self._annotation: Annotation | None = None
        self._in_value = False

    def attach(self, parser: expat.XMLParserType) -> None:
        self._parser = parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype

    def _doctype(self, *_found: object) -> None:
        raise FormatError(
            f"line {self._parser.CurrentLineNumber}: found a document type definition, which ELAN"
            " does not write and which could hold anything; expected none"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != _ROOT:
            raise FormatError(f"line 1: found {shown(name)}, expected {_ROOT}")
        self._open.append(name)
        if name == "HEADER":
            self._check_unit(attributes.get("TIME_UNITS", "milliseconds"))
        elif name == "TIME_SLOT":
            self._slot(attributes)
        elif name == "TIER":
            self._tier = Tier(attributes, self._tag(), self._tag())
            self._document.tiers.append(self._tier)
        elif name == "ANNOTATION" and self._tier is not None:
            self._annotation = Annotation(self._tag())
            self._tier.annotations.append(self._annotation)
        elif name in _KINDS and self._annotation is not None:
            self._annotation.attributes = attributes
        elif name == "ANNOTATION_VALUE":
            self._in_value = True

    def _end(self, name: str) -> None:
        self._open.pop()
        if name == "TIER" and self._tier is not None:
            self._tier.place = Place(self._tier.tag.start, self._tag().end)
            self._tier = None
        elif name == "ANNOTATION" and self._annotation is not None:
            self._annotation.place = Place(self._annotation.place.start, self._tag().end)
            self._annotation = None
        elif name == "ANNOTATION_VALUE":
            self._in_value = False

    def _text(self, text: str) -> None:
        if self._in_value and self._annotation is not None:
            self._annotation.text += text

    def _check_unit(self, unit: str) -> None:
        if unit != "milliseconds":
            raise FormatError(f"found the time unit {shown(unit)}, expected milliseconds")

    def _slot(self, attributes: dict[str, str]) -> None:
        value = attributes.get("TIME_VALUE")
        if value is not None and _MILLISECONDS.fullmatch(value) is None:
            raise FormatError(
                f"line {self._parser.CurrentLineNumber}: found the time {shown(value)}, expected"
                " whole milliseconds"
            )
        name = attributes.get("TIME_SLOT_ID", "")
        self._document.slots[name] = None if value is None else int(value)

    def _tag(self) -> Place:
        start = self._parser.CurrentByteIndex
        found = _TAG.match(self._document.data, start)
        return Place(start, start if found is None else found.end())
