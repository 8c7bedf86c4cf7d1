"""Calling the plugins: one typed function per hook.

A plugin that fails to register raises `PluginError`. One that fails in an event is logged, and the
others are still called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pgvoice.hooks.answers import IdentifyResult, Labelled
from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.fill.report import FillReport
from pgvoice.hooks.formats.format import RegisterFormat
from pgvoice.hooks.plugins import installed, specs
from pgvoice.hooks.turns import as_turns

logger = logging.getLogger(__name__)
Register = TypeVar("Register")
#: Returns the function that the plugin of a name registers with.
For = Callable[[str], Register]


def register_encoders(register: For[specs.RegisterEncoder]) -> None:
    """Let every plugin register its encoders; raises `PluginError`."""
    _register("register_encoders", register)


def register_audio_sources(register: For[specs.RegisterAudioSource]) -> None:
    """Let every plugin register its audio sources; raises `PluginError`."""
    _register("register_audio_sources", register)


def register_formats(register: For[RegisterFormat]) -> None:
    """Let every plugin register its formats; raises `PluginError`."""
    _register("register_formats", register)


def register_commands(register: For[specs.RegisterCommand]) -> None:
    """Let every plugin register its commands; raises `PluginError`."""
    _register("register_commands", register)


def segments_ready(video: str, audio: str | Path | None, segments: Iterable[Any]) -> list[Labelled]:
    """Who speaks in each of a pipeline's segments: one answer each, in order.

    Segments may have any shape that `as_turns` accepts, with times in seconds. Without `audio`,
    audio sources look the file up. Plugins answer first; one that fails, or returns another number
    of answers, is logged and skipped. Then the built-in `Pipeline` answers, with the store and the
    encoder of the settings; it opens at the first call and closes at the end of the process. Raises
    what opening it and `Pipeline.label` raise: an error is never a label.
    """
    path, given = None if audio is None else Path(audio), tuple(as_turns(segments))
    for name, call in installed.implementing("segments_ready"):
        answer = _answer(name, call, video=video, audio=path, segments=given)
        if answer is None:
            continue
        if len(answer) == len(given):
            return answer
        logger.error(
            "the plugin %s answered segments_ready with %d labels for %d segments",
            name,
            len(answer),
            len(given),
        )
    raise PluginError(f"no plugin answered for the segments of {video!r}")


def _answer(name: str, call: Callable[..., Any], **given: object) -> list[Labelled] | None:
    """The answer of one plugin, or None; only the built-in pipeline may raise."""
    try:
        answer: Sequence[Labelled] | None = call(**given)
        return None if answer is None else list(answer)
    except Exception:
        if name in installed.BUILTIN:
            raise
        logger.exception("the plugin %s failed in segments_ready", name)
        return None


def after_fill(report: FillReport) -> None:
    """Notify every plugin of a completed fill."""
    _notify("after_fill", report=report)


def after_identify(result: IdentifyResult) -> None:
    """Notify every plugin of answers."""
    _notify("after_identify", result=result)


def _register(hook: str, register: For[Any]) -> None:
    """In the order of loading, built-in plugins first: the later of two equal names fails."""
    for name, call in reversed(list(installed.implementing(hook))):
        try:
            call(register=register(name))
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                f"the plugin {name} failed in {hook}: {type(error).__name__}: {error};"
                f" {installed.remedy(name)}"
            ) from error


def _notify(hook: str, **given: object) -> None:
    """Call the plugins one by one, the last loaded first."""
    try:
        implementing = list(installed.implementing(hook))
    except PluginError as error:
        logger.error("no plugin is called for %s: %s", hook, error)
        return
    for name, call in implementing:
        try:
            call(**given)
        except Exception:
            logger.exception("the plugin %s failed in %s", name, hook)
