"""What a graph does not say of itself: sample rate, front end, and what its vectors mean."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import Annotated, Literal

import msgspec

#: Raised if the same settings give other vectors.
VERSION = 1

Kind = Literal["fbank", "nemo", "waveform"]
Window = Literal["povey", "hamming", "hann"]
Normalisation = Literal["none", "mean", "mean_std"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Stated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings as one source states them, such as a TOML file; None for what it leaves out."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[\w.+-]+$")] | None = None
    sample_rate: Annotated[int, msgspec.Meta(ge=8_000, le=48_000)] | None = None
    dimension: Count | None = None
    front_end: Kind | None = None
    mel_bins: Count | None = None
    window: Window | None = None
    frame_ms: Positive | None = None
    step_ms: Positive | None = None
    low_hz: Annotated[float, msgspec.Meta(ge=0)] | None = None
    high_hz: Positive | None = None
    snip_edges: bool | None = None
    scale: Positive | None = None
    normalize: Normalisation | None = None
    output: str | None = None
    min_seconds: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    threshold: Share | None = None
    threshold_source: str | None = None

    def filled(self, others: Stated) -> Stated:
        """These, and from `others` what is not stated here."""
        own = msgspec.structs.asdict(self).items()
        return msgspec.structs.replace(others, **{k: v for k, v in own if v is not None})

    def over(self, others: Stated) -> Stated:
        """As `filled`, but nothing of another kind of front end is left."""
        if self.front_end in (None, others.front_end):
            return self.filled(others)
        return self.filled(Stated(sample_rate=others.sample_rate, dimension=others.dimension))


#: What nearly all front ends of a kind have in common.
_USUAL = {
    "fbank": Stated(frame_ms=25, step_ms=10, low_hz=20, snip_edges=True),
    "nemo": Stated(frame_ms=25, step_ms=10, low_hz=0, window="hann", scale=1, normalize="mean_std"),
    "waveform": Stated(scale=1, normalize="none"),
}
#: What cannot be guessed: vectors would look right and be wrong.
_NEEDED = {
    "fbank": ("sample_rate", "mel_bins", "window", "scale", "normalize"),
    "nemo": ("sample_rate", "mel_bins"),
    "waveform": ("sample_rate",),
}


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """From samples in [-1, 1] to what a graph takes."""

    kind: Kind
    sample_rate: int
    #: What samples are multiplied by.
    scale: float
    normalize: Normalisation
    #: What follows is of mel energies alone.
    mel_bins: int = 0
    window: Window = "povey"
    #: Samples of a frame, and from one frame to the next.
    size: int = 1
    hop: int = 1
    low_hz: float = 0
    high_hz: float = 0
    #: Whether every frame is within the samples.
    snip_edges: bool = True

    @property
    def padded(self) -> int:
        """Samples of a frame's Fourier transform: the next power of two."""
        return 1 << (self.size - 1).bit_length()

    @property
    def min_samples(self) -> int:
        """The length of three frames, as a deviation needs two."""
        return self.size + 2 * self.hop


def usual(stated: Stated) -> Stated:
    """With what nearly all front ends of its kind have in common."""
    return stated.filled(_USUAL[stated.front_end]) if stated.front_end else stated


def missing(stated: Stated, kind: Kind) -> list[str]:
    """The fields without which a model with this kind of front end cannot be run."""
    needed = ("front_end", *_NEEDED[kind])
    return [field for field in needed if getattr(stated, field) is None]


def front_end(stated: Stated) -> FrontEnd | None:
    """The front end; None if something is missing. Raises `ValueError` if frames are too short."""
    settings = usual(stated)
    rate, kind = settings.sample_rate, settings.front_end
    if rate is None or kind is None or missing(settings, kind):
        return None
    scale, normalize = settings.scale or 1.0, settings.normalize or "none"
    if kind == "waveform":
        return FrontEnd(kind, rate, scale, normalize)
    size, hop = (round(rate * (ms or 0) / 1000) for ms in (settings.frame_ms, settings.step_ms))
    low, high = settings.low_hz or 0.0, settings.high_hz or rate / 2
    if not low < high <= rate / 2 or size < 2 or hop < 1:
        raise ValueError(
            f"bands from {low:g} to {high:g} Hz in frames of {settings.frame_ms:g} ms every"
            f" {settings.step_ms:g} ms do not fit a sample rate of {rate} Hz"
        )
    bins, window = settings.mel_bins or 0, settings.window or "povey"
    inside = settings.snip_edges is not False
    return FrontEnd(kind, rate, scale, normalize, bins, window, size, hop, low, high, inside)


def preprocessing(used: FrontEnd, output: str | None, given: FrontEnd | None) -> str:
    """The version of the front end, and a hash of its settings if they are not those `given`.

    `given` are what follows from the model's file alone, which the identity has the hash of;
    `output` is named elsewhere, if anywhere.
    """
    if used == given and output is None:
        return str(VERSION)
    text = msgspec.json.encode([*astuple(used), output])
    return f"{VERSION}-{hashlib.sha256(text).hexdigest()[:8]}"
