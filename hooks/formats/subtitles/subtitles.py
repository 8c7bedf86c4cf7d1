"""SRT (SubRip) and WebVTT: one segment per cue; names are written into cues or into new ones."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pgvoice.hooks.formats.documents import line_end, with_lines
from pgvoice.hooks.formats.format import (
    Format,
    check_aligned,
    check_name,
    check_read_back,
    check_span,
    printable,
    refused,
    speaker_of,
)
from pgvoice.hooks.formats.subtitles.cues import (
    ARROW,
    Cue,
    matches_srt,
    matches_vtt,
    srt_cues,
    vtt_cues,
)
from pgvoice.hooks.formats.subtitles.voices import (
    Clean,
    has_voice,
    renamed,
    voices,
    with_voice,
    without_prefix,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

# Overrides of SubStation, such as {\an8}, which players of SRT understand.
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")


@dataclass(frozen=True, slots=True)
class _Subtitles:
    """The differences between the two formats, and what they share."""

    name: str
    header: str
    decimal_mark: str
    cues: Callable[[str], list[Cue]]
    #: Reverses `escape`, and drops markup for players.
    clean: Clean
    escape: Callable[[str], str]
    #: What precedes the text of a cue whose speaker has this (escaped) name.
    lead: Callable[[str], str]

    def read(self, text: str, *, uri: str | None = None) -> list[Turn]:
        """The label is a cue's voice or prefix; a cue with several gives a turn for each."""
        return [turn for cue in self.cues(text) for turn in self._turns(cue)]

    def write(
        self, labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
    ) -> str:
        """Change the names in cues; `FormatError` for those that do not read back.

        Several people in a cue who get one name are read as one.
        """
        if source is None:
            text = self.header + "".join(map(self._new_cue, range(len(labelled)), labelled))
            speakers = [speaker_of(each) for each in labelled]
        else:
            text, speakers = self._named(labelled, source)
        if labelled:
            check_read_back(self.read(text), speakers, self.name)
        return text

    def _turns(self, cue: Cue) -> list[Turn]:
        return [Turn(cue.start, cue.end, *voice) for voice in voices(cue.text, self.clean)]

    def _named(self, labelled: Sequence[Labelled], source: str) -> tuple[str, list[str | None]]:
        """The document with names, and the speakers that it must be read back with."""
        check_aligned(labelled, self.read(source))
        end, at = line_end(source), 0
        changes, speakers = dict[int, str](), list[str | None]()
        for cue in self.cues(source):
            count = len(self._turns(cue))
            own = labelled[at : at + count]
            changes |= self._changed(at, cue, own, end)
            speakers += dict.fromkeys(map(speaker_of, own)) if count > 1 else map(speaker_of, own)
            at += count
        return with_lines(source, changes), speakers

    def _changed(
        self, index: int, cue: Cue, labelled: Sequence[Labelled], end: str
    ) -> dict[int, str]:
        """The new text of the cue's lines, by line number."""
        names = {
            each.segment.label or "": self._escaped(index + place, each.speaker)
            for place, each in enumerate(labelled)
            if each.speaker is not None and each.speaker != each.segment.label
        }
        if not names:
            return {}
        if not cue.body:
            (name,) = names.values()
            return {cue.timing.number: cue.timing.text + end + self.lead(name).rstrip()}
        raw = "\n".join(line.text for line in cue.body)
        if len(labelled) > 1:
            new = renamed(raw, names, self.clean)
        else:
            new = self._with_speaker(raw, *names.values())
        return {line.number: text for line, text in zip(cue.body, new.split("\n"), strict=True)}

    def _with_speaker(self, raw: str, written: str) -> str:
        if has_voice(raw, self.clean):
            return with_voice(raw, written)
        tags, said = without_prefix(raw)
        return f"{tags}{self.lead(written)}{said}"

    def _new_cue(self, index: int, labelled: Labelled) -> str:
        segment, speaker = labelled.segment, speaker_of(labelled)
        check_span(index, segment)
        times = f"{self._clock(segment.start)} {ARROW} {self._clock(segment.end)}"
        lead = "" if speaker is None else self.lead(self._escaped(index, speaker))
        said = "\n".join(filter(None, map(printable, (segment.text or "").splitlines())))
        return f"{index + 1}\n{times}\n{lead}{self.escape(said).replace(ARROW, '->')}\n\n"

    def _escaped(self, index: int, name: str) -> str:
        check_name(index, name, self.name)
        written = self.escape(name)
        if ARROW in written:
            raise refused(index, name, self.name, f"it contains {ARROW}")
        return written

    def _clock(self, seconds: float) -> str:
        whole, _, fraction = f"{seconds:.3f}".partition(".")
        minutes, rest = divmod(int(whole), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02}:{minutes:02}:{rest:02}{self.decimal_mark}{fraction}"


_SRT = _Subtitles(
    "srt", "", ",", srt_cues, partial(_OVERRIDE.sub, ""), str, lambda name: f"[{name}]: "
)
_VTT = _Subtitles(
    "vtt",
    "WEBVTT\n\n",
    ".",
    vtt_cues,
    html.unescape,
    lambda text: html.escape(text, quote=False),
    lambda name: f"<v {name}>",
)

SRT = Format("srt", (".srt",), _SRT.read, matches_srt, _SRT.write, summary="SubRip subtitles")
VTT = Format("vtt", (".vtt",), _VTT.read, matches_vtt, _VTT.write, summary="WebVTT subtitles")
