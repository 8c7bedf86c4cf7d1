"""Malformed requests, and a check of the answer to each."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from pgvoice.hooks import json_requests
from pgvoice_testkit.documents.hook_schemas import check

SPANS = [{"start": 0.0, "end": 2.0, "speaker": "S0"}, {"start": 4, "end": 6, "speaker": "S1"}]
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_fields = st.sampled_from(["version", "video", "segments", "audio", "options"])
_nearly = st.dictionaries(_fields, _values, max_size=5).map(lambda more: request(**more))
#: Some are nearly valid.
requests = _nearly | _values


def request(**more: object) -> dict[str, object]:
    """A valid request, with these fields replaced."""
    return {"version": 1, "video": "talk", "segments": SPANS} | more


def answered(data: bytes) -> str:
    """The kind of error that a request gets from a pipeline that always fails."""
    kind = failing(ValueError("nothing here"), data)["error"]["kind"]
    assert kind in ("bad_request", "value_error"), kind
    return str(kind)


def failing(error: Exception, data: bytes) -> dict[str, Any]:
    """The answer to a request from a pipeline that fails with an error; it fits the schema."""
    answer = json_requests.reply(_Failing(error), data)  # type: ignore[arg-type]
    assert answer.exit_code in (1, 2)
    document: dict[str, Any] = json.loads(answer.document)
    check(document, "answer")
    return document


class _Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def run(self, *_: object, **__: object) -> object:
        raise self._error
