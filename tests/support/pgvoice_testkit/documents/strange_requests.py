"""Malformed requests, and a check of the answer to each."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from pgvoice.hooks import json_requests

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
    answer = json_requests.reply(_Nothing(), data)  # type: ignore[arg-type]
    kind = json.loads(answer.document)["error"]["kind"]
    assert answer.exit_code in (1, 2)
    assert kind in ("bad_request", "value_error"), kind
    return str(kind)


class _Nothing:
    def run(self, *_: object, **__: object) -> object:
        raise ValueError("nothing here")
