"""Calling the plugins: one typed function per hook, and the name of whoever fails.

A plugin that fails to register is an error; one that fails in an event is logged, and the others
go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pgvoice.hooks import plugins, specs
from pgvoice.hooks.errors import PluginError

if TYPE_CHECKING:
    from pgvoice.hooks.filling import FillReport
    from pgvoice.hooks.formats.format import InputSegment, RegisterFormat
    from pgvoice.hooks.identifying import IdentifyResult
    from pgvoice.hooks.labelled import Labelled

logger = logging.getLogger(__name__)
Register = TypeVar("Register")
#: The function to register with, for the plugin of a name.
For = Callable[[str], Register]


def register_encoders(register: For[specs.RegisterEncoder]) -> None:
    """Have every plugin register its encoders; raises `PluginError`."""
    _register("register_encoders", register)


def register_audio_sources(register: For[specs.RegisterAudioSource]) -> None:
    """Have every plugin register its audio sources; raises `PluginError`."""
    _register("register_audio_sources", register)


def register_formats(register: For[RegisterFormat]) -> None:
    """Have every plugin register its formats; raises `PluginError`."""
    _register("register_formats", register)


def register_commands(register: For[specs.RegisterCommand]) -> None:
    """Have every plugin register its commands; raises `PluginError`."""
    _register("register_commands", register)


def segments_ready(
    video: str, audio: str | Path, segments: Sequence[InputSegment]
) -> list[Labelled] | None:
    """The labels of the first plugin that answers, one per segment in order; None if none does.

    An answer of another length than `segments` counts as a failure.
    """
    given = {"video": video, "audio": Path(audio), "segments": tuple(segments)}
    for name, answer in _told("segments_ready", **given):
        if len(answer) == len(segments):
            return list(answer)
        logger.error(
            "the plugin %s answered segments_ready with %d labels for %d segments",
            name,
            len(answer),
            len(segments),
        )
    return None


def after_fill(report: FillReport) -> None:
    """Tell every plugin of a fill that is over."""
    for _ in _told("after_fill", report=report):
        pass


def after_identify(result: IdentifyResult) -> None:
    """Tell every plugin of answers that were given."""
    for _ in _told("after_identify", result=result):
        pass


def _register(hook: str, register: For[Any]) -> None:
    """In the order of loading, the built-in ones first: what is there stays, a newcomer fails."""
    for name, call in reversed(list(plugins.implementing(hook))):
        try:
            call(register=register(name))
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                f"the plugin {name} failed in {hook}: {type(error).__name__}: {error};"
                f" {plugins.remedy(name)}"
            ) from error


def _told(hook: str, **given: object) -> Iterator[tuple[str, Any]]:
    """Each plugin's name and answer, where it has one; the latest loaded is asked first."""
    try:
        implementing = list(plugins.implementing(hook))
    except PluginError as error:
        logger.error("no plugin is told of %s: %s", hook, error)
        return
    for name, call in implementing:
        try:
            answers = call(**given)
        except Exception:
            logger.exception("the plugin %s failed in %s", name, hook)
            continue
        yield from ((name, answer) for answer in answers)
