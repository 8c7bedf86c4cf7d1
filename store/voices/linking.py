"""Whether voices are linked across recordings, and linking them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkingSettings:
    """Whether and how the store links unknown voices."""

    enabled: bool
    #: Share of voices that may be linked with somebody else's.
    rate: float
    #: So long after a voice joined last, an unknown voice expires.
    days: int


@dataclass(frozen=True, slots=True)
class Linking:
    """How many there are once voices were linked."""

    #: Recordings that were looked at,
    recordings: int
    #: voices that are linked with an unknown voice,
    voices: int
    #: and unknown voices, each made of one voice or more.
    unknown_voices: int
