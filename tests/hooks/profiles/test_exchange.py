"""Exports from one store imported into another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.foreign_profiles import original_profile
from sqlalchemy import text

from pgvoice.hooks import (
    FormatError,
    Imported,
    ProfileRefused,
    export_profiles,
    import_profiles,
)
from pgvoice.store import UnknownSpeaker, VoiceStore


@pytest.fixture
def enrolled(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path, eve: Path
) -> VoiceStore:
    """Ada, from audio, with consent and an excluded exemplar; and Eve, from vectors."""
    take({"sources": ["ada.wav"]}, name="Ada")
    take(original_profile(name="Eve"))
    with store.database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, expires_at)"
                " SELECT id, 'Ada', 'captions', '2031-01-01+00' FROM pgvoice.speaker"
                " WHERE name = 'Ada'"
            )
        )
        connection.execute(
            text(
                "UPDATE pgvoice.enrollment SET excluded = true"
                " WHERE id = (SELECT min(id) FROM pgvoice.enrollment)"
            )
        )
    return store


def _tables(store: VoiceStore) -> list[tuple[object, ...]]:
    with store.database.engine.connect() as connection:
        return [
            tuple(row)
            for statement in (
                "SELECT s.name, embedding::text, start_ms, end_ms, audio_sha256, source, quality,"
                " excluded FROM pgvoice.enrollment x JOIN pgvoice.speaker s ON s.id = speaker_id"
                " ORDER BY 1, 5, 3",
                "SELECT s.name, granted_by, purpose, evidence, granted_at, expires_at"
                " FROM pgvoice.consent c JOIN pgvoice.speaker s ON s.id = speaker_id ORDER BY 1",
            )
            for row in connection.execute(text(statement.replace("::text", "\\:\\:text")))
        ]


@pytest.fixture
def other(server_url: str, template: str) -> Iterator[VoiceStore]:
    """An empty store."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as opened:
        yield opened


def test_export_and_import_bring_everything_over(
    enrolled: VoiceStore, other: VoiceStore, tmp_path: Path
) -> None:
    before, file = _tables(enrolled), tmp_path / "export.json"
    exported = export_profiles(enrolled, file)
    assert ([one.name for one in exported], len(before)) == (["Ada", "Eve"], 8)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.enrollment.added for one in import_profiles(other, file)] == [2, 5]
    assert _tables(other) == before
    again = import_profiles(other, file)
    assert [(one.enrollment.added, one.enrollment.known) for one in again] == [(0, 2), (0, 5)]
    assert _tables(other) == before


def test_an_export_is_in_the_audit_trail(enrolled: VoiceStore, tmp_path: Path) -> None:
    export_profiles(enrolled, tmp_path / "ada.json", ["Ada"])
    with enrolled.database.engine.connect() as connection:
        (row,) = connection.execute(
            text("SELECT subject, details FROM pgvoice.audit_event WHERE action = 'export'")
        )
    assert tuple(row) == ("Ada", {"exemplars": 2, "to": str(tmp_path / "ada.json")})


def test_an_export_overwrites_nothing_and_leaves_no_ruin(
    enrolled: VoiceStore, tmp_path: Path
) -> None:
    there = tmp_path / "there.json"
    there.write_text("mine")
    with pytest.raises(FileExistsError):
        export_profiles(enrolled, there)
    with pytest.raises(UnknownSpeaker):
        export_profiles(enrolled, tmp_path / "new.json", ["Ada", "Zoe"])
    assert (there.read_text(), (tmp_path / "new.json").exists()) == ("mine", False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "ecapa"),
        ("revision", "sha256:other"),
        ("preprocessing", "2"),
        ("dimension", 8),
        ("sample_rate", 8000),
    ],
)
def test_an_export_of_another_encoder_is_refused(
    enrolled: VoiceStore, encoder: CountingEncoder, tmp_path: Path, field: str, value: object
) -> None:
    file = tmp_path / "export.json"
    export_profiles(enrolled, file, ["Ada"])
    document = json.loads(file.read_text())
    profile = document["speakers"][0]["profiles"][0]
    profile["encoder"][field] = value
    if field == "dimension":
        for exemplar in profile["exemplars"]:
            exemplar["embedding"] = [1.0] + [0.0] * 7
    file.write_text(json.dumps(document))
    with pytest.raises(ProfileRefused, match=f"another encoder \\({field} {value!r} there and"):
        import_profiles(enrolled, file, encoder=encoder)


def test_a_changed_export_is_refused(enrolled: VoiceStore, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    export_profiles(enrolled, file, ["Ada"])
    document = json.loads(file.read_text())
    exemplar = document["speakers"][0]["profiles"][0]["exemplars"][0]
    whole = dict(exemplar)
    for change, error, reason in (
        (
            {"embedding": [2 * x for x in whole["embedding"]]},
            ProfileRefused,
            "not have unit length",
        ),
        ({"embedding": whole["embedding"][1:]}, ProfileRefused, "has 15 numbers"),
        ({"embedding": None}, ProfileRefused, "is not a list of numbers"),
        ({"end_ms": -1}, FormatError, "expected 0 <= start <= end"),
        ({"start_ms": "soon"}, FormatError, "malformed speaker"),
    ):
        exemplar |= whole | change
        file.write_text(json.dumps(document))
        with pytest.raises(error, match=reason):
            import_profiles(enrolled, file)
    exemplar |= whole
    file.write_text(json.dumps(document))
    with pytest.raises(ProfileRefused, match="contains names: leave --name out"):
        import_profiles(enrolled, file, name="Ada")


def test_an_import_is_all_or_nobody(
    enrolled: VoiceStore, other: VoiceStore, tmp_path: Path
) -> None:
    file = tmp_path / "export.json"
    export_profiles(enrolled, file)
    document = json.loads(file.read_text())
    twin = json.loads(json.dumps(document["speakers"][1])) | {"name": "twin"}
    document["speakers"].append(twin)
    file.write_text(json.dumps(document))
    with pytest.raises(Exception, match="'Eve' is enrolled with the same audio as 'twin'"):
        import_profiles(other, file)
    assert other.people.speakers() == []
    assert len(import_profiles(other, file, force=True)) == 3
