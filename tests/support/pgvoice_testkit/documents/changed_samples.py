"""Samples of other tools' JSON with some of their values replaced, removed or repeated."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from pgvoice_testkit.documents.samples import SAMPLES, sample

_TIMES = [
    *(0, 1, -1, 2.5, 1e400, float("nan"), 10**400, "0", "4.87", "-1", "1.300s", "9" * 400),
    *("PT1M4.12S", "PT", "P1D", "NaN", "1e9", {"seconds": "1", "nanos": 5}, {"nanos": 1e400}),
]
_OTHERS: list[Any] = [
    None,
    True,
    "",
    " ",
    "Ann",
    "UU",
    "?",
    "\ud800",
    [],
    {},
    [[]],
    ["a", 1, 2],
    "A" * 300,
]
_KEYS = ["speaker", "speaker_name", "diarizer_label", "channel", "words", "type", "start", "x"]
_values = st.sampled_from([*_TIMES, *_OTHERS])


def _places(found: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    items = found.items() if isinstance(found, dict) else enumerate(found)
    for key, item in list(items):
        yield found, key
        if isinstance(item, dict | list):
            yield from _places(item)


@st.composite
def changed_samples(draw: st.DrawFn, format_name: str) -> str:
    """A sample of a format with up to five changes."""
    names = [name for name, its_format in SAMPLES.items() if its_format == format_name]
    root = json.loads(sample(draw(st.sampled_from(names))))
    for _ in range(draw(st.integers(0, 5))):
        places = list(_places(root))
        if places:
            _change(draw, *places[draw(st.integers(0, len(places) - 1))])
    return json.dumps(root, indent=draw(st.sampled_from([None, 1, "\t"])))


def _change(draw: st.DrawFn, container: Any, key: Any) -> None:
    match draw(st.sampled_from(["replace", "replace", "remove", "repeat", "add"])):
        case "replace":
            container[key] = copy.deepcopy(draw(_values))
        case "remove":
            del container[key]
        case "repeat" if isinstance(container, list):
            container[key:key] = [copy.deepcopy(container[key])] * draw(st.sampled_from([1, 3]))
        case _ if isinstance(container, dict):
            container[draw(st.sampled_from(_KEYS))] = copy.deepcopy(draw(_values))
