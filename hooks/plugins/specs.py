"""The hooks that a plugin can implement: what comes with each, and what goes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pluggy

from pgvoice.hooks.encoders.encoder import Encoder

if TYPE_CHECKING:
    import click

    from pgvoice.hooks.answers import IdentifyResult, Labelled
    from pgvoice.hooks.fill.report import FillReport
    from pgvoice.hooks.formats.format import RegisterFormat
    from pgvoice.store.turns import Turn

NAMESPACE = "pgvoice"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)

#: Builds an encoder from a source of weights (None: its own default) and a device (None: the best
#: there is). Called when the encoder is asked for by name, so heavy imports belong inside.
EncoderFactory = Callable[[str | None, str | None], Encoder]
#: The local file of a video, by its key; None for a video that this source does not have.
FindAudio = Callable[[str], Path | None]


class RegisterEncoder(Protocol):
    """Makes an encoder known by name; `summary` is one line for people.

    `extra` is the extra of pgvoice that installs what the encoder needs; None where its own
    package brings that.
    """

    def __call__(
        self, name: str, factory: EncoderFactory, *, summary: str, extra: str | None = None
    ) -> None: ...


class RegisterAudioSource(Protocol):
    """Makes a source of audio files known by name; `summary` is one line for people."""

    def __call__(self, name: str, find: FindAudio, *, summary: str) -> None: ...


class RegisterCommand(Protocol):
    """Makes a command, or a group of them, one of ``pgvoice``'s, under its own name."""

    def __call__(self, command: click.Command, /) -> None: ...


@hookspec
def register_encoders(register: RegisterEncoder) -> None:
    """Call `register` once for each encoder that the plugin brings."""


@hookspec
def register_audio_sources(register: RegisterAudioSource) -> None:
    """Call `register` once for each way to a video's audio file that the plugin knows."""


@hookspec
def register_formats(register: RegisterFormat) -> None:
    """Call `register` once for each format of segments that the plugin reads."""


@hookspec
def register_commands(register: RegisterCommand) -> None:
    """Call `register` once for each command that the plugin adds to ``pgvoice``."""


@hookspec(firstresult=True)
def segments_ready(
    video: str, audio: Path | None, segments: Sequence[Turn]
) -> Sequence[Labelled] | None:
    """Answer for a pipeline's segments, one label each in their order; None leaves it to others.

    The built-in pipeline is asked last. `audio` is None where the audio sources know it.
    """


@hookspec
def after_fill(report: FillReport) -> None:
    """Take note of a fill that is over, also of one that found everything stored."""


@hookspec
def after_identify(result: IdentifyResult) -> None:
    """Take note of the answers that somebody just got."""
