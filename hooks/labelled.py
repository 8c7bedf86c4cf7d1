"""``Labelled``: a segment as a pipeline gave it, and who speaks in it."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.hooks.formats.format import InputSegment
from pgvoice.store.identify import Identification


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer for one segment of a pipeline, which stays as it was."""

    #: The segment as it came: its own times, the diarizer's label, the text.
    segment: InputSegment
    #: The answer, in times of the store's grid; None for what is no span of time.
    identification: Identification | None

    @property
    def speaker(self) -> str | None:
        """The name, only where the answer's reason is ``matched``."""
        return self.identification.speaker if self.identification else None
