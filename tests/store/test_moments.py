"""A time without a zone is refused, because the server would put it in its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pgvoice_testkit.stores.filled import X, put

from pgvoice.hooks import FormatError, import_profiles
from pgvoice.store import VoiceStore
from pgvoice.store.answers.similar import SimilarFilter
from pgvoice.store.privacy.consents import Consent

NAIVE = datetime(2100, 1, 1)


@pytest.mark.parametrize("what", ["granted_at", "expires_at", "withdrawn_at"])
def test_of_a_consent(what: str) -> None:
    def given(moment: datetime) -> dict[str, Any]:
        return {what: moment}

    with pytest.raises(ValueError, match=f"the consent's {what} 2100-01-01 .* no time zone: give"):
        Consent("Ada", **given(NAIVE))
    assert Consent("Ada", **given(NAIVE.replace(tzinfo=UTC)))


def test_of_a_search() -> None:
    with pytest.raises(ValueError, match=r"since 2100-01-01 .* has no time zone"):
        SimilarFilter(since=NAIVE)


def test_of_a_file(store: VoiceStore, tmp_path: Path) -> None:
    put(store, "v", {(0, 1): X})
    path = tmp_path / "people.json"
    consent = {"granted_by": "Ada", "granted_at": "2026-01-01T00:00:00"}
    speaker = {"name": "Ada", "consents": [consent], "profiles": []}
    path.write_text(json.dumps({"format": "pgvoice profiles", "version": 1, "speakers": [speaker]}))
    with pytest.raises(FormatError, match=r"granted_at 2026-01-01 .* has no time zone"):
        import_profiles(store, path)
