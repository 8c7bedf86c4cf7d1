"""``resolve_audio``: the audio sources find the local file of a video."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.errors import AudioNotFound, AudioSourceFailed
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.registered_names import Names
from pgvoice.hooks.plugins.specs import FindAudio, RegisterAudioSource
from pgvoice.hooks.sources.folder import FOLDER_VARIABLE
from pgvoice.store.errors import PgvoiceError


class RegisteredSource(NamedTuple):
    """An audio source, and the plugin that registered it."""

    name: str
    find: FindAudio
    summary: str
    plugin: str


@cache
def registered_sources() -> dict[str, RegisteredSource]:
    """All audio sources by name; raises `PluginError` if a name is registered twice."""
    names = Names[RegisteredSource]("an audio source")

    def registering(plugin: str) -> RegisterAudioSource:
        def register(name: str, find: FindAudio, *, summary: str) -> None:
            names.add(plugin, name, RegisteredSource(name, find, summary, plugin))

        return register

    calls.register_audio_sources(registering)
    return names.found


def resolve_audio(video: str) -> Path:
    """The local file of a video, from the first source that has it; plugins' before the built-in.

    Raises `AudioNotFound` if no source has it, and `AudioSourceFailed`, which names the source, if
    one fails.
    """
    sources = list(registered_sources().values())
    for source in reversed(sources):
        found = _ask(source, video)
        if found is not None:
            return found
    raise AudioNotFound(
        f"no audio source has the video {video!r}: name its file, or set {FOLDER_VARIABLE} to its"
        f" folder (searched: {', '.join(source.name for source in sources)})"
    )


def _ask(source: RegisteredSource, video: str) -> Path | None:
    try:
        found = source.find(video)
        if found is None:
            return None
        if (path := Path(found)).is_file():
            return path
    except PgvoiceError:
        raise
    except Exception as error:
        raise AudioSourceFailed(
            f"the audio source {source.name} of the plugin {source.plugin} failed for the video"
            f" {video!r}: {type(error).__name__}: {error}"
        ) from error
    raise AudioSourceFailed(
        f"the audio source {source.name} of the plugin {source.plugin} names {str(found)!r} for the"
        f" video {video!r}, which is not a file"
    )
