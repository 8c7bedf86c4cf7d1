"""Hears the speech of one person in a file: its windows, without ends that belong to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.enroll.ends import END_WINDOW_MS, ForeignEnd, foreign_ends, kept, parts
from pgvoice.hooks.enroll.speech import Speech, frames, spread, windows
from pgvoice.hooks.errors import NotEnrollable
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.store.errors import IncoherentExemplars
from pgvoice.store.keys import SegmentKey, snap_segment
from pgvoice.store.people.enrollments import Exemplar
from pgvoice.store.people.resemblance import LeftOut
from pgvoice.store.voice_store import VoiceStore

#: More windows say nothing new about a voice; of a longer recording this many are chosen evenly.
MAX_WINDOWS = 200


class Heard(NamedTuple):
    """What was heard in one file."""

    exemplars: list[Exemplar]
    seconds: float
    left_out: list[LeftOut]


class Hearing:
    """Hears the speech of one person in a file."""

    def __init__(
        self, store: VoiceStore, encoder: Encoder, name: str, path: Path, force: bool
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._name = name
        self._path = path
        self._force = force
        self._rate = encoder.identity.sample_rate

    def hear(self, spans: Sequence[Sequence[float] | None]) -> Heard:
        """The exemplars of spans, None being the whole file; raises `NotEnrollable`."""
        with open_recording(self._path) as recording:
            info, listening = recording.info, EmbeddingPass(self._encoder, recording)
            keys = [_key(span, info.duration_ms, self._store.grid_ms) for span in spans]
            for key in keys:
                if status := listening.refused(key):
                    raise NotEnrollable(self._path, key, status)
            waveforms, speech = self._windows(listening, keys)
            shorter, left_out = self._cut(listening, keys, speech)
            if shorter:
                keys = [shorter.get(key, key) for key in keys]
                waveforms, speech = self._windows(listening, keys)
        heard = {key: wave for key, wave in waveforms.items() if key in speech.shares}
        exemplars = []
        for key, vector in zip(heard, self._embed(list(heard.values())), strict=True):
            if not np.isfinite(vector).all():
                raise NotEnrollable(self._path, key, "non_finite")
            share = speech.shares[key]
            exemplars.append(Exemplar(vector, info.sha256, key, str(self._path), share))
        return Heard(exemplars, speech.milliseconds / 1000, left_out)

    def cut(self, keys: Sequence[SegmentKey]) -> tuple[dict[SegmentKey, SegmentKey], list[LeftOut]]:
        """The spans whose ends are left out, as they are without them; and what is left out."""
        with open_recording(self._path) as recording:
            listening = EmbeddingPass(self._encoder, recording)
            there = [key for key in keys if not listening.refused(key)]
            heard = dict(listening.heard(there))
            speech = Speech(
                {
                    key: frames(found, self._rate)
                    for key, found in heard.items()
                    if not isinstance(found, str)
                }
            )
            return self._cut(listening, there, speech)

    def _windows(
        self, listening: EmbeddingPass, keys: Sequence[SegmentKey]
    ) -> tuple[dict[SegmentKey, Waveform], Speech]:
        """The windows of spans that can be encoded, and which of them contain speech."""
        wanted = {key: spread(windows(key), max(1, MAX_WINDOWS // len(keys))) for key in keys}
        heard = dict(listening.heard(sorted({each for of in wanted.values() for each in of})))
        waveforms = {key: found for key, found in heard.items() if not isinstance(found, str)}
        speech = Speech({key: frames(found, self._rate) for key, found in waveforms.items()})
        for key, of_key in wanted.items():
            if not any(window in speech.shares for window in of_key):
                raise NotEnrollable(self._path, key, _why_not(heard, of_key))
        return waveforms, speech

    def _cut(
        self, listening: EmbeddingPass, keys: Sequence[SegmentKey], speech: Speech
    ) -> tuple[dict[SegmentKey, SegmentKey], list[LeftOut]]:
        """As `cut`. Raises `IncoherentExemplars` if too little would be left of a span."""
        wanted = {} if self._force else parts(list(dict.fromkeys(keys)))
        if not wanted or self._encoder.min_samples > END_WINDOW_MS * self._rate // 1000:
            return {}, []
        heard = dict(listening.heard(sorted({each for of in wanted.values() for each in of.keys})))
        found = foreign_ends(
            wanted,
            {key: wave for key, wave in heard.items() if not isinstance(wave, str)},
            speech,
            self._rate,
            self._embed,
            self._encoder.default_threshold.similarity,
        )
        left_out = self._left_out(listening.info.sha256, found)
        shorter = {key: kept(key, ends, self._store.grid_ms) for key, ends in found.items()}
        mixed = [each for each in left_out if shorter[each.given] is None]
        if mixed:
            raise IncoherentExemplars(_several_people(self._name, mixed))
        return {key: each for key, each in shorter.items() if each}, left_out

    def _left_out(
        self, sha256: str, found: Mapping[SegmentKey, Sequence[ForeignEnd]]
    ) -> list[LeftOut]:
        ends = [(key, end) for key, of in found.items() for end in of]
        if not ends:
            return []
        who = self._store.people.resembled(
            [end.voice for _, end in ends], sha256, self._encoder.identity, besides=self._name
        )
        return [
            LeftOut(str(self._path), key, end.part, name)
            for (key, end), name in zip(ends, who, strict=True)
        ]

    def _embed(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Their vectors, in as few calls as the encoder asks for; NaN where there is none."""
        batches: list[list[Waveform]] = [[]]
        samples = 0
        for waveform in waveforms:
            if samples >= self._encoder.batch_samples:
                batches.append([])
                samples = 0
            batches[-1].append(waveform)
            samples += len(waveform)
        self._encoder.load()
        return np.concatenate([self._encoder.encode(batch) for batch in batches])


def _several_people(name: str, mixed: Sequence[LeftOut]) -> str:
    first = mixed[0]
    ends = ", ".join(
        f"{each.part.start_s:g} to {each.part.end_s:g} s sounds like"
        f" {each.sounds_like or 'someone else'}"
        for each in mixed
        if each.given == first.given
    )
    return (
        f"{first.source}, {first.given.start_s:g} to {first.given.end_s:g} s, does not sound like"
        f" one person ({ends}): choose spans in which only {name!r} speaks, or force it (--force)"
    )


def _why_not(heard: Mapping[SegmentKey, Waveform | str], of_key: Sequence[SegmentKey]) -> str:
    statuses = [found for window in of_key if isinstance(found := heard[window], str)]
    return statuses[0] if len(statuses) == len(of_key) else "nearly without speech"


def _key(span: Sequence[float] | None, duration_ms: int, grid_ms: int) -> SegmentKey:
    if span is None:
        return SegmentKey(0, duration_ms - duration_ms % grid_ms)
    return snap_segment(span, grid_ms)
