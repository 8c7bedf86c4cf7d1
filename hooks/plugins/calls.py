"""Calling the plugins: registering, answering and events.

A plugin that fails to register raises `PluginError`. One that fails in an event is logged, and the
others are still called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pgvoice.hooks.errors import PluginError
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.results import FillReport, IdentifyResult, Labelled
from pgvoice.hooks.turns import as_turns

logger = logging.getLogger(__name__)


class Named(Protocol):
    """An object that plugins register under its name."""

    @property
    def name(self) -> str | None: ...


Registered = TypeVar("Registered", bound=Named)


def registered(
    hook: str,
    kind: str,
    make: Callable[..., Registered],
    known: Mapping[str, Registered] | None = None,
) -> dict[str, Registered]:
    """What every plugin registers by a hook, by name, in the order of loading: built-in ones first.

    `make` returns the object to keep for the plugin's name and what the plugin passed; `known` are
    the command line's own. Raises `PluginError` if a plugin fails, or registers a name again, for
    which `kind` needs its article.
    """
    found = dict(known or {})
    owners = dict.fromkeys(found, "builtin-commands")
    for plugin, call in reversed(list(installed.implementing(hook))):

        def register(*given: Any, _plugin: str = plugin, **options: Any) -> None:
            new = make(_plugin, *given, **options)
            name = str(new.name)
            if name in found:
                raise PluginError(
                    f"the plugin {_plugin} registers {kind} named {name!r}, which {owners[name]}"
                    f" has already registered: {installed.remedy(_plugin)}"
                )
            found[name], owners[name] = new, _plugin

        try:
            call(register=register)
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                f"the plugin {plugin} failed in {hook}: {type(error).__name__}: {error};"
                f" {installed.remedy(plugin)}"
            ) from error
    return found


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


def _notify(hook: str, **given: object) -> None:
    """Call the plugins one by one, the last loaded first; no built-in one has such a hook."""
    if installed.only_builtin():
        return
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
