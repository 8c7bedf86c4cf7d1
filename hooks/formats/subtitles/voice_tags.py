"""The speaker in a cue's text: a voice, ``<v Name>``, or WhisperX's prefix, ``[Name]: ``."""

from __future__ import annotations

import re
from collections.abc import Callable

#: Undoes what a format has instead of some characters.
Clean = Callable[[str], str]

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>")
_VOICE = re.compile(r"(<v(?:\.[^\s<>]*)?\s)([^<>]*)>")
# SubStation's overrides, which players of SRT understand, such as {\an8}.
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
# How WhisperX writes the speaker into SRT and WebVTT.
_PREFIX = re.compile(r"\[([^\[\]\n]+)\]:(?:\s+|$)")
# The same where it stands, behind tags.
_RAW_PREFIX = re.compile(r"((?:</?[A-Za-z][^<>\n]*>|\{\\[^{}\n]*\}|\s)*+)\[[^\[\]\n]+\]:[^\S\n]*")


def without_overrides(text: str) -> str:
    """The text of an SRT cue without what only players understand."""
    return _OVERRIDE.sub("", text)


def spoken(text: str, clean: Clean) -> tuple[str | None, str]:
    """The speaker, if there is one and not several, and the text without tags."""
    label = voice_of(text, clean)
    said = clean(_TAG.sub("", text)).strip()
    prefix = None if label else _PREFIX.match(said)
    if prefix is not None:
        return prefix[1], said[prefix.end() :]
    return label, said


def voice_of(text: str, clean: Clean) -> str | None:
    """The voice of a cue that has one and not several."""
    voices = _voices(text, clean)
    return voices.pop() if len(voices) == 1 else None


def has_several(text: str, clean: Clean) -> bool:
    """Whether a cue has the voices of several people, which one name cannot stand for."""
    return len(_voices(text, clean)) > 1


def with_voice(text: str, name: str) -> str:
    """The text with another name in its voices; `name` is written as it is."""
    return _VOICE.sub(lambda found: f"{found[1]}{name}{_kept_lines(found[2])}>", text)


def without_prefix(text: str) -> tuple[str, str]:
    """The tags that stand before the speaker's prefix, and the text behind it."""
    prefix = _RAW_PREFIX.match(text)
    return ("", text) if prefix is None else (prefix[1], text[prefix.end() :])


def _kept_lines(name: str) -> str:
    # A tag may go over lines, of which none may be lost.
    return "\n" * name.count("\n")


def _voices(text: str, clean: Clean) -> set[str]:
    return {" ".join(clean(found[2]).split()) for found in _VOICE.finditer(text)} - {""}
