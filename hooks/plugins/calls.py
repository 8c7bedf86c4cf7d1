"""Calling the plugins: one typed function per hook, and the name of whoever fails.

A plugin that fails to register is an error; one that fails in an event is logged, and the others
go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.plugins import installed, specs
from pgvoice.hooks.turns import as_turns

if TYPE_CHECKING:
    from pgvoice.hooks.answers import IdentifyResult, Labelled
    from pgvoice.hooks.fill.report import FillReport
    from pgvoice.hooks.formats.format import RegisterFormat

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


def segments_ready(video: str, audio: str | Path | None, segments: Iterable[Any]) -> list[Labelled]:
    """Who speaks in each of a pipeline's segments: one label each, in their order.

    Segments come in the shapes that `as_turns` takes, times in seconds; without `audio` the
    audio sources are asked. The plugins' answers go first; one that fails, or answers for another
    number of segments, is logged and passed over. Else the built-in answers: a `Pipeline` with the
    store and the encoder that the settings name, opened at the first call and closed when the
    process ends. Raises what opening and `Pipeline.label` raise: an error is never a label.
    """
    path, given = None if audio is None else Path(audio), tuple(as_turns(segments))
    for name, call in installed.implementing("segments_ready"):
        answer = _asked(name, call, video=video, audio=path, segments=given)
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


def _asked(name: str, call: Callable[..., Any], **given: object) -> list[Labelled] | None:
    """The answer of one plugin, if it has one; only the built-in may raise."""
    try:
        answer: Sequence[Labelled] | None = call(**given)
        return None if answer is None else list(answer)
    except Exception:
        if name in installed.BUILTIN:
            raise
        logger.exception("the plugin %s failed in segments_ready", name)
        return None


def after_fill(report: FillReport) -> None:
    """Tell every plugin of a fill that is over."""
    _tell("after_fill", report=report)


def after_identify(result: IdentifyResult) -> None:
    """Tell every plugin of answers that were given."""
    _tell("after_identify", result=result)


def _register(hook: str, register: For[Any]) -> None:
    """In the order of loading, the built-in ones first: what is there stays, a newcomer fails."""
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


def _tell(hook: str, **given: object) -> None:
    """One plugin after the other; the latest loaded is told first."""
    try:
        implementing = list(installed.implementing(hook))
    except PluginError as error:
        logger.error("no plugin is told of %s: %s", hook, error)
        return
    for name, call in implementing:
        try:
            call(**given)
        except Exception:
            logger.exception("the plugin %s failed in %s", name, hook)
