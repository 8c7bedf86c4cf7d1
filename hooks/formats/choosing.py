"""Formats by name, and the format of a document."""

from __future__ import annotations

from functools import cache

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Document
from pgvoice.hooks.formats.format import Format, RegisterFormat
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.registered_names import Names


@cache
def registered_formats() -> dict[str, Format]:
    """Every format by name; raises `PluginError` if two have the same name."""
    names = Names[Format]("a format")

    def registering(plugin: str) -> RegisterFormat:
        return lambda new: names.add(plugin, new.name, new)

    calls.register_formats(registering)
    return names.found


def named_format(name: str) -> Format:
    """The format of a name; raises `FormatError` with the known names."""
    formats = registered_formats()
    if name not in formats:
        raise FormatError(f"unknown format {name!r}; choose one of: {_names()}")
    return formats[name]


def choose_format(document: Document) -> Format:
    """The format with the document's suffix; if none or several have it, the content decides.

    If the content matches none of those with the suffix, it is the first of them, whose reader
    then reports what is wrong. Raises `FormatError` if neither suffix nor content is known.
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
    raise FormatError(f"{document.name} matches no known format; choose one of: {_names()}")


def _names() -> str:
    return ", ".join(sorted(registered_formats()))
