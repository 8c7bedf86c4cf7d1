"""The hooks that a plugin can implement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pluggy

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.formats.format import RegisterFormat
from pgvoice.hooks.results import FillReport, IdentifyResult, Labelled
from pgvoice.store.turns import Turn

if TYPE_CHECKING:
    # Not imported with `pgvoice.hooks`: pipelines have no command line.
    import click

NAMESPACE = "pgvoice"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)

#: Creates an encoder from a source of weights (None: its default) and a device (None: the best
#: available). Called when the encoder is requested by name, so heavy imports belong inside.
EncoderFactory = Callable[[str | None, str | None], Encoder]
#: Returns the local file of a video, or None if this source does not have the video.
FindAudio = Callable[[str], Path | None]


class RegisterEncoder(Protocol):
    """Registers an encoder under a name, with a summary of one line.

    `extra` is the extra of pgvoice that installs the encoder's dependencies; None if the plugin's
    own package does.
    """

    def __call__(
        self, name: str, factory: EncoderFactory, *, summary: str, extra: str | None = None
    ) -> None: ...


class RegisterAudioSource(Protocol):
    """Registers a source of audio files under a name, with a summary of one line."""

    def __call__(self, name: str, find: FindAudio, *, summary: str) -> None: ...


class RegisterCommand(Protocol):
    """Adds a click command or group to ``pgvoice``, under its own name."""

    def __call__(self, command: click.Command, /) -> None: ...


@hookspec
def register_encoders(register: RegisterEncoder) -> None:
    """Call `register` once for each of the plugin's encoders."""


@hookspec
def register_audio_sources(register: RegisterAudioSource) -> None:
    """Call `register` once for each of the plugin's audio sources."""


@hookspec
def register_formats(register: RegisterFormat) -> None:
    """Call `register` once for each of the plugin's file formats."""


@hookspec
def register_commands(register: RegisterCommand) -> None:
    """Call `register` once for each of the plugin's commands."""


@hookspec(firstresult=True)
def segments_ready(
    video: str, audio: Path | None, segments: Sequence[Turn]
) -> Sequence[Labelled] | None:
    """Return one answer for each of a pipeline's segments, in order, or None to let others answer.

    The built-in pipeline answers last. If `audio` is None, audio sources can look the file up.
    """


@hookspec
def after_fill(report: FillReport) -> None:
    """Called after every fill, even if nothing was missing."""


@hookspec
def after_identify(result: IdentifyResult) -> None:
    """Called after every identification of a video."""
