"""The ends of spans: whether they sound like the rest, or belong to somebody else.

The windows of 1 s at both ends of a span are compared with its middle, and with the middles of the
other spans of the file. From a window that is not similar enough for a name, further windows are
heard inwards until one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.enroll.speech import FRAME_MS, MIN_SPEECH_SHARE, Speech, frames, spread, windows
from pgvoice.store.keys import SegmentKey

#: Tuned on five people of LibriSpeech test-other (1688 to 2609): with CAM++, 5 % of windows of 1 s
#: are less similar to the same person's speech than the threshold of .40, and 0.1 % of windows of
#: others more similar (of .75 s: 13 and 0.1 %; of 1.5 s: 1 and 0.04 %, but such a window often has
#: both voices). tests/README.md says how it does with other people, rooms and microphones.
END_WINDOW_MS = 1_000
END_HOP_MS = 500
#: A shorter span has no ends apart from its middle, and is one exemplar as a whole.
MIN_SPAN_MS = 3_000
#: The middle half of a span is taken to be of the right person; of a longer one, so many windows.
MIDDLE = 0.25
MIDDLE_WINDOWS = 20
#: How far an end may reach: a share of the span, and milliseconds.
REACH, MIN_REACH_MS, MAX_REACH_MS = 0.4, 2_000, 15_000
#: What is left must be more than what is cut; else nobody knows who was meant.
MIN_KEPT = 0.5

#: Vectors of these windows; NaN where there is none.
Embed = Callable[[Sequence[Waveform]], Embeddings]


class Parts(NamedTuple):
    """The parts of a span that are heard to judge its ends."""

    head: SegmentKey
    middle: list[SegmentKey]
    tail: SegmentKey

    @property
    def keys(self) -> list[SegmentKey]:
        return [self.head, *self.middle, self.tail]


class ForeignEnd(NamedTuple):
    """An end of a span that belongs to somebody else."""

    part: SegmentKey
    #: The mean of its windows, of unit length.
    voice: Embeddings


def parts(spans: Sequence[SegmentKey]) -> dict[SegmentKey, Parts]:
    """What is heard of each span that is long enough to have ends."""
    long = [span for span in spans if span.duration_ms >= MIN_SPAN_MS]
    return {span: _parts(span, max(1, MIDDLE_WINDOWS // len(long))) for span in long}


def _parts(span: SegmentKey, most: int) -> Parts:
    inner = round(MIDDLE * span.duration_ms)
    reach = min(max(round(REACH * span.duration_ms), MIN_REACH_MS), MAX_REACH_MS)
    middle = windows(SegmentKey(span.start_ms + inner, span.end_ms - inner))
    return Parts(
        SegmentKey(span.start_ms, span.start_ms + reach),
        spread(middle, most),
        SegmentKey(span.end_ms - reach, span.end_ms),
    )


def foreign_ends(
    wanted: Mapping[SegmentKey, Parts],
    waveforms: Mapping[SegmentKey, Waveform],
    speech: Speech,
    sample_rate: int,
    embed: Embed,
    threshold: float,
) -> dict[SegmentKey, list[ForeignEnd]]:
    """The spans with ends that belong to somebody else; `threshold` is the encoder's own.

    `waveforms` lacks the parts that cannot be encoded.
    """
    ends = [
        _End(span, key, waveforms[key], key is of.head, speech, sample_rate)
        for span, of in wanted.items()
        for key in (of.head, of.tail)
        if key in waveforms
    ]
    middle = [waveforms[key] for of in wanted.values() for key in of.middle if key in waveforms]
    rest = _mean(embed(middle), list(map(len, middle))) if middle else None
    if rest is None:
        return {}
    # In rounds, so that the windows of all ends are encoded together.
    while heard := [end for end in ends if end.window is not None]:
        for end, vector in zip(heard, embed([end.heard() for end in heard]), strict=True):
            end.judge(vector, float(vector @ rest), threshold)
    found: dict[SegmentKey, list[ForeignEnd]] = {}
    for end in ends:
        if (foreign := end.foreign(rest, threshold)) is not None:
            found.setdefault(end.span, []).append(foreign)
    return found


def kept(span: SegmentKey, foreign: Iterable[ForeignEnd], grid_ms: int) -> SegmentKey | None:
    """The span without these ends, on the grid; None if that is too little of it."""
    start, end = span
    for part, _ in foreign:
        if part.start_ms == span.start_ms:
            start = -(-part.end_ms // grid_ms) * grid_ms
        else:
            end = part.start_ms // grid_ms * grid_ms
    return SegmentKey(start, end) if end - start >= MIN_KEPT * span.duration_ms else None


class _End:
    """One end of a span, and the windows that were heard of it from outside inwards."""

    def __init__(
        self,
        span: SegmentKey,
        key: SegmentKey,
        waveform: Waveform,
        is_head: bool,
        speech: Speech,
        sample_rate: int,
    ) -> None:
        self.span = span
        self._is_head = is_head
        self._rate = sample_rate
        # A span may end after the audio does.
        missing = max(0, key.duration_ms * sample_rate // 1000 - len(waveform))
        whole = np.pad(waveform, (0, missing))
        #: The samples from outside inwards.
        self._samples = whole if is_head else whole[::-1]
        levels = frames(self._samples, sample_rate)
        spoken = np.flatnonzero(levels >= speech.level)
        first = int(spoken[0]) * FRAME_MS if len(spoken) else key.duration_ms
        #: Where the next window begins, in milliseconds from outside; None after the last one.
        self.window: int | None = None
        self._left = [
            at
            for at in range(first, key.duration_ms - END_WINDOW_MS + 1, END_HOP_MS)
            if speech.share(levels[at // FRAME_MS :][: END_WINDOW_MS // FRAME_MS])
            >= MIN_SPEECH_SHARE
        ]
        #: Where the first window that sounds like the rest begins, or the end of what is heard.
        self._border = key.duration_ms - END_HOP_MS
        self._vectors: list[Embeddings] = []
        self._next()

    def _next(self) -> None:
        self.window = self._left.pop(0) if self._left else None

    def heard(self) -> Waveform:
        """The samples of the next window."""
        first = (self.window or 0) * self._rate // 1000
        found = self._samples[first : first + END_WINDOW_MS * self._rate // 1000]
        return np.ascontiguousarray(found if self._is_head else found[::-1])

    def judge(self, vector: Embeddings, similarity: float, threshold: float) -> None:
        """Go on inwards if the window does not sound like the rest.

        After the first window that does not, others need a little more: a twelfth of the way from
        the threshold to 1, as a window of both voices is still similar.
        """
        needed = threshold + (1 - threshold) / 12 if self._vectors else threshold
        if similarity < needed:
            self._vectors.append(vector)
            self._next()
        elif self.window is not None:
            self._border, self.window = self.window, None

    def foreign(self, rest: Embeddings, threshold: float) -> ForeignEnd | None:
        """What belongs to somebody else; None if all windows together sound like the rest."""
        voice = _mean(np.array(self._vectors), [1] * len(self._vectors))
        if voice is None or float(voice @ rest) >= threshold:
            return None
        # The other voice may go on until the middle of the first window that sounds like the rest.
        length = self._border + END_HOP_MS
        if self._is_head:
            part = SegmentKey(self.span.start_ms, self.span.start_ms + length)
        else:
            part = SegmentKey(self.span.end_ms - length, self.span.end_ms)
        return ForeignEnd(part, voice)


def _mean(vectors: Embeddings, weights: Sequence[int]) -> Embeddings | None:
    """The weighted mean of those that are finite, of unit length; None if it has no direction."""
    if not len(vectors):
        return None
    finite = np.isfinite(vectors).all(axis=1)
    mean = np.asarray(weights, np.float64)[finite] @ vectors[finite]
    length = float(np.linalg.norm(mean))
    return (mean / length).astype(np.float32) if length else None
