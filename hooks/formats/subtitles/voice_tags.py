"""The speaker in a cue's text: a voice, ``<v Name>``, or WhisperX's prefix, ``[Name]: ``."""

from __future__ import annotations

import re
from collections.abc import Callable

#: Decodes a format's escapes and drops its markup for players.
Clean = Callable[[str], str]

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>")
_VOICE = re.compile(r"(<v(?:\.[^\s<>]*)?\s)([^<>]*)>")
# Overrides of SubStation, such as {\an8}, which players of SRT understand.
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
# WhisperX writes the speaker into SRT and WebVTT like this.
_PREFIX = re.compile(r"\[([^\[\]\n]+)\]:(?:\s+|$)")
# The same in text that still has tags, after them.
_RAW_PREFIX = re.compile(r"((?:</?[A-Za-z][^<>\n]*>|\{\\[^{}\n]*\}|\s)*+)\[[^\[\]\n]+\]:[^\S\n]*")


def without_overrides(text: str) -> str:
    """The text of an SRT cue without overrides for players."""
    return _OVERRIDE.sub("", text)


def spoken(text: str, clean: Clean) -> tuple[str | None, str]:
    """The speaker, or None if there is not exactly one, and the text without tags."""
    label = voice_of(text, clean)
    said = clean(_TAG.sub("", text)).strip()
    prefix = None if label else _PREFIX.match(said)
    if prefix is not None:
        return prefix[1], said[prefix.end() :]
    return label, said


def voice_of(text: str, clean: Clean) -> str | None:
    """The voice of a cue that has exactly one."""
    voices = _voices(text, clean)
    return voices.pop() if len(voices) == 1 else None


def has_several(text: str, clean: Clean) -> bool:
    """Whether a cue has the voices of several people."""
    return len(_voices(text, clean)) > 1


def with_voice(text: str, name: str) -> str:
    """The text with another name in its voices; `name` must already be escaped."""
    # A tag may span lines, and every line must remain.
    return _VOICE.sub(lambda found: found[1] + name + "\n" * found[2].count("\n") + ">", text)


def without_prefix(text: str) -> tuple[str, str]:
    """The tags before the speaker's prefix, and the text after it."""
    prefix = _RAW_PREFIX.match(text)
    return ("", text) if prefix is None else (prefix[1], text[prefix.end() :])


def _voices(text: str, clean: Clean) -> set[str]:
    return {" ".join(clean(found[2]).split()) for found in _VOICE.finditer(text)} - {""}
