"""Formats by name, and the one that a document is in."""

from __future__ import annotations

from functools import cache

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Document
from pgvoice.hooks.formats.format import Format, RegisterFormat
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.registered_names import Names


@cache
def registered_formats() -> dict[str, Format]:
    """Every format that can be read here, by name; `PluginError` for a name twice."""
    names = Names[Format]("a format")

    def registering(plugin: str) -> RegisterFormat:
        return lambda new: names.add(plugin, new.name, new)

    calls.register_formats(registering)
    return names.found


def named_format(name: str) -> Format:
    """The format of a name; `FormatError` that lists the names there are."""
    formats = registered_formats()
    if name not in formats:
        raise FormatError(f"no format is named {name!r}: there are {_names()}")
    return formats[name]


def choose_format(document: Document) -> Format:
    """The format that has the document's suffix; where several or none do, by its content.

    A document that looks like none of those with its suffix is of the first of them, whose reader
    then says what is wrong. Raises `FormatError` where nothing is left to go by.
    """
    every = list(registered_formats().values())
    by_suffix = [each for each in every if document.suffix in each.suffixes]
    if len(by_suffix) == 1:
        return by_suffix[0]
    for each in by_suffix or every:
        if each.matches(document.text):
            return each
    if by_suffix:
        return by_suffix[0]
    raise FormatError(f"{document.name} looks like no known format: name one of {_names()}")


def _names() -> str:
    return ", ".join(sorted(registered_formats()))
