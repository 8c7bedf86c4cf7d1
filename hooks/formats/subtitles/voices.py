"""Who speaks in a cue: WebVTT's voices, and names in brackets at the beginning of lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

#: Decodes a format's escapes and drops its markup for players.
Clean = Callable[[str], str]

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>")
_VOICE = re.compile(r"(<v(?:\.[^\s<>]*)?\s)([^<>]*)>")
# WhisperX writes the speaker into SRT and WebVTT like this.
_PREFIX = re.compile(r"\[([^\[\]\n]+)\]:(?:\s+|$)")
# The same in text that still has tags, after them.
_RAW_PREFIX = re.compile(r"((?:</?[A-Za-z][^<>\n]*>|\{\\[^{}\n]*\}|\s)*+)\[([^\[\]\n]+)\]:[^\S\n]*")


class Voice(NamedTuple):
    """What one person says in a cue; nobody's name if the cue does not tell."""

    name: str | None
    text: str


def voices(text: str, clean: Clean) -> list[Voice]:
    """Each person of a cue, in the order in which they begin, with their text without tags.

    Text before the first name belongs to the first person.
    """
    tagged = _tagged(text, clean)
    parts: dict[str, list[str]] = {}
    for name, part in tagged or _prefixed(text, clean):
        parts.setdefault(name, []).append(part)
    if len(parts) < 2:
        return [_one(text, tagged[0][0] if tagged else None, clean)]
    return [Voice(name, "\n".join(_said(some, clean))) for name, some in parts.items()]


def renamed(text: str, names: Mapping[str, str], clean: Clean) -> str:
    """The text of a cue of several people with other names, which must already be escaped."""
    if _tagged(text, clean):
        return _VOICE.sub(lambda found: _other_voice(found, names, clean), text)
    return "\n".join(_other_prefix(line, names, clean) for line in text.split("\n"))


def with_voice(text: str, name: str) -> str:
    """The text with another name in its voices; `name` must already be escaped."""
    return _VOICE.sub(lambda found: _retagged(found, name), text)


def without_prefix(text: str) -> tuple[str, str]:
    """The tags before the speaker's prefix, and the text after it."""
    prefix = _RAW_PREFIX.match(text)
    return ("", text) if prefix is None else (prefix[1], text[prefix.end() :])


def has_voice(text: str, clean: Clean) -> bool:
    """Whether the name stands in a voice of WebVTT."""
    return bool(_tagged(text, clean))


def _said(parts: Iterable[str], clean: Clean) -> Iterator[str]:
    return filter(None, (clean(_TAG.sub("", part)).strip() for part in parts))


def _one(text: str, voice: str | None, clean: Clean) -> Voice:
    said = clean(_TAG.sub("", text)).strip()
    prefix = None if voice else _PREFIX.match(said)
    return Voice(voice, said) if prefix is None else Voice(prefix[1], said[prefix.end() :])


def _tagged(text: str, clean: Clean) -> list[tuple[str, str]]:
    """The name and the text of each voice."""
    found = list(_VOICE.finditer(text))
    names = {raw: _cleaned(raw, clean) for raw in {tag[2] for tag in found}}
    tags = [tag for tag in found if names[tag[2]]]
    starts = [0, *(tag.end() for tag in tags[1:])]
    ends = [*(tag.start() for tag in tags[1:]), len(text)]
    return [
        (names[tag[2]], text[start:end])
        for tag, start, end in zip(tags, starts, ends, strict=False)
    ]


def _prefixed(text: str, clean: Clean) -> list[tuple[str, str]]:
    """The name and the text of each line, if the first has a name; others follow the one above."""
    parts: list[tuple[str, str]] = []
    for line in text.split("\n"):
        name, said = _prefix(line, clean)
        if name is None and not parts:
            return []
        parts.append((name or parts[-1][0], said))
    return parts


def _prefix(line: str, clean: Clean) -> tuple[str | None, str]:
    found = _RAW_PREFIX.match(line)
    if found is None:
        return None, line
    return _cleaned(_TAG.sub("", found[2]), clean) or None, found[1] + line[found.end() :]


def _other_voice(found: re.Match[str], names: Mapping[str, str], clean: Clean) -> str:
    name = names.get(_cleaned(found[2], clean))
    return found[0] if name is None else _retagged(found, name)


def _retagged(found: re.Match[str], name: str) -> str:
    # A tag may span lines, and every line must remain.
    return found[1] + name + "\n" * found[2].count("\n") + ">"


def _other_prefix(line: str, names: Mapping[str, str], clean: Clean) -> str:
    found, (name, _) = _RAW_PREFIX.match(line), _prefix(line, clean)
    if found is None or name is None or name not in names:
        return line
    return f"{line[: found.start(2)]}{names[name]}{line[found.end(2) :]}"


def _cleaned(name: str, clean: Clean) -> str:
    return " ".join(clean(name).split())
