"""Files of profiles that no store can keep are refused by one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import FormatError, ProfileRefused, import_profiles
from pgvoice.store import VoiceStore

DIMENSION = CountingEncoder().identity.dimension
UNIT = [1.0] + [0.0] * (DIMENSION - 1)
DEEP = "[" * 100_000
NESTED = "[" * 900 + "]" * 900


def _export(**changed: Any) -> str:
    """An export of pgvoice with one exemplar."""
    encoder = CountingEncoder().identity
    identity = {name: getattr(encoder, name) for name in encoder.__dataclass_fields__}
    exemplar = {"source": "s", "audio_sha256": "a", "start_ms": 0, "end_ms": 100, "quality": 0.5}
    exemplar |= {"excluded": False, "embedding": UNIT} | changed
    profile = {"encoder": identity, "exemplars": [exemplar]}
    speaker = {"name": "Ada", "consents": [], "profiles": [profile]}
    return json.dumps({"format": "pgvoice profiles", "version": 1, "speakers": [speaker]})


FILES = {
    "deep": (DEEP, "nested"),
    "long": (f'{{"a": {"9" * 9000}}}', "too long"),
    "version": (f'{{"format": "pgvoice profiles", "version": {NESTED}}}', "expected 1"),
    "threshold": (
        f'{{"name": "Ada", "threshold": {NESTED}, "embeddings": [], "centroid": []}}',
        "no embeddings",
    ),
    "number": (_export(embedding=[10**400, *UNIT[1:]]), "NaN or infinite"),
    "infinity": (_export(embedding=[1e308 * 10, *UNIT[1:]]), "NaN or infinite"),
    "huge": (json.dumps({"name": "Ada", "embeddings": [[1e200, *UNIT[1:]]]}), "numbers above"),
    "start": (_export(start_ms=0, end_ms=1 << 40), "expected 0 <= start"),
    "quality": (_export(quality=float("nan")), "a quality from 0 to 1"),
    "nul": (_export(source="s\0"), "found a NUL"),
    "surrogate": (_export(source="s\ud800"), r"a lone surrogate U\+D800"),
    "name": (f'{{"name": {NESTED}, "embeddings": [{json.dumps(UNIT)}]}}', "not name the person"),
    "sources": (f'{{"sources": [{{"url": {NESTED}}}], "name": "Ada"}}', "found no url"),
}


@pytest.mark.parametrize("kind", FILES)
def test_it_is_refused(store: VoiceStore, tmp_path: Path, kind: str) -> None:
    text, said = FILES[kind]
    path = tmp_path / "people.json"
    path.write_text(text)
    with pytest.raises((FormatError, ProfileRefused), match=said) as caught:
        import_profiles(store, path, encoder=CountingEncoder())
    assert len(str(caught.value)) < 500
    assert store.people.speakers() == []


def test_the_same_file_without_a_mistake(store: VoiceStore, tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    path.write_text(_export())
    (taken,) = import_profiles(store, path, encoder=CountingEncoder())
    assert taken.enrollment.added == 1
