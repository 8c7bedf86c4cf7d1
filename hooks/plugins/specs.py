"""The hooks that a plugin can implement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pluggy

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.formats.format import RegisterFormat
from pgvoice.hooks.results import FillReport, IdentifyResult, Labelled
from pgvoice.hooks.segmenters.segmenter import Segmenter
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
#: Creates a segmenter in the same way.
SegmenterFactory = Callable[[str | None, str | None], Segmenter]
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


class RegisterSegmenter(Protocol):
    """Registers a segmenter under a name, with a summary of one line.

    `extra` is the extra of pgvoice that installs the segmenter's dependencies; None if the plugin's
    own package does.
    """

    def __call__(
        self, name: str, factory: SegmenterFactory, *, summary: str, extra: str | None = None
    ) -> None: ...


class RegisterAudioSource(Protocol):
    """Registers a source of audio files under a name, with a summary of one line."""

    def __call__(self, name: str, find: FindAudio, *, summary: str) -> None: ...


class RegisterCommand(Protocol):
    """Adds a click command or group to ``pgvoice``, under its own name."""

    def __call__(self, command: click.Command, /) -> None: ...


#: Makes a page of ``pgvoice serve``: gets the site (`pgvoice.cli.serve.site.Site`), returns a
#: `fastapi.APIRouter` whose paths are ``/NAME`` and below.
MakePage = Callable[[Any], Any]
#: Beside what a panel is shown.
PanelPlace = Literal["recording", "person", "voice"]
#: Returns a panel's HTML for a recording's key, a person's name, or an unknown voice's number. Text
#: that is no `markupsafe.Markup` is escaped.
RenderPanel = Callable[[Any, str], str]


class RegisterPage(Protocol):
    """Adds a page to ``pgvoice serve`` at ``/NAME``, and panels to the built-in pages.

    Without `make` there are only panels. `title` is shown in the bar at the top; without one,
    nothing links to the page.
    """

    def __call__(
        self,
        name: str,
        make: MakePage | None,
        *,
        title: str = "",
        panels: Mapping[PanelPlace, RenderPanel] = ...,
    ) -> None: ...


@hookspec
def register_encoders(register: RegisterEncoder) -> None:
    """Call `register` once for each of the plugin's encoders."""


@hookspec
def register_segmenters(register: RegisterSegmenter) -> None:
    """Call `register` once for each of the plugin's segmenters."""


@hookspec
def register_audio_sources(register: RegisterAudioSource) -> None:
    """Call `register` once for each of the plugin's audio sources."""


@hookspec
def register_formats(register: RegisterFormat) -> None:
    """Call `register` once for each of the plugin's file formats."""


@hookspec
def register_commands(register: RegisterCommand) -> None:
    """Call `register` once for each of the plugin's commands."""


@hookspec
def register_pages(register: RegisterPage) -> None:
    """Call `register` once for each of the plugin's pages."""


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
