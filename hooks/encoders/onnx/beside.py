"""Files beside a model that describe it: a TOML file of one's own, and WeSpeaker's config.yaml."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pgvoice.hooks.encoders.onnx.settings import Normalisation, Stated
from pgvoice.hooks.errors import EncoderUnavailable, needs_extra

#: WeSpeaker's configuration of a training run, in the folder of its models.
CONFIG = "config.yaml"


def toml_file(model: Path) -> Path:
    """The TOML file of a model: ``voices.toml`` for ``voices.onnx``."""
    return model.with_suffix(".toml")


def from_toml(model: Path) -> Stated:
    """What the TOML file states; nothing if there is none.

    Raises `EncoderUnavailable` with the field that is wrong.
    """
    path = toml_file(model)
    text = _read(path)
    if text is None:
        return Stated()
    try:
        return msgspec.toml.decode(text, type=Stated)
    except (msgspec.DecodeError, ValueError) as error:
        raise EncoderUnavailable(f"{path}: {error}") from error


class _Fbank(msgspec.Struct, frozen=True):
    num_mel_bins: int = 80
    frame_length: float = 25
    frame_shift: float = 10


class _Cmvn(msgspec.Struct, frozen=True):
    norm_mean: bool = True
    norm_var: bool = False


class _Data(msgspec.Struct, frozen=True):
    """``dataset_args``, whose defaults are those of ``wespeaker/dataset/dataset.py``."""

    resample_rate: int = 16_000
    frontend: str = "fbank"
    fbank_args: _Fbank = _Fbank()
    cmvn: bool = True
    cmvn_args: _Cmvn = _Cmvn()


class _Config(msgspec.Struct, frozen=True):
    dataset_args: _Data = _Data()


def from_config(model: Path) -> Stated:
    """What WeSpeaker's ``config.yaml`` says of the features; nothing if there is none.

    Raises `EncoderUnavailable` if it cannot be read, or names features that are not known here.
    """
    path = model.parent / CONFIG
    text = _read(path)
    if text is None:
        return Stated()
    try:
        with needs_extra("onnx"):
            data = msgspec.yaml.decode(text, type=_Config).dataset_args
    except msgspec.DecodeError as error:
        raise EncoderUnavailable(f"{path}: {error}") from error
    if data.frontend != "fbank":
        raise EncoderUnavailable(
            f"{path} says that the model takes features of {data.frontend!r}, which pgvoice cannot"
            " compute: export it with its front end, as a model that takes waveforms"
        )
    normalised: Normalisation = "mean_std" if data.cmvn_args.norm_var else "mean"
    return Stated(
        sample_rate=data.resample_rate,
        mel_bins=data.fbank_args.num_mel_bins,
        frame_ms=data.fbank_args.frame_length,
        step_ms=data.fbank_args.frame_shift,
        normalize=normalised if data.cmvn and data.cmvn_args.norm_mean else "none",
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderUnavailable(f"cannot read {path}: {error}") from error
