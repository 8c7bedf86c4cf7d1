"""Profiles and source lists from files, and every reason to refuse one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting_encoder import CountingEncoder
from databases import new_database, plain
from sounds import voice, write
from sqlalchemy import text

from pgvoice.hooks import (
    AudioNotFound,
    FormatError,
    Imported,
    ProfileRefused,
    TooLittleSpeech,
    export_profiles,
    hookimpl,
    import_profiles,
    make_encoder,
    plugins,
    registry,
)
from pgvoice.hooks.registry import RegisteredEncoder
from pgvoice.hooks.specs import RegisterAudioSource
from pgvoice.store import IncoherentExemplars, SoundsLikeAnother, UnknownSpeaker, VoiceStore

DIMENSION = 16


def _voice(seed: int, number: int = 5, dimension: int = DIMENSION) -> list[list[float]]:
    """Embeddings of one made-up person, not of unit length."""
    noise = np.random.default_rng(seed)
    direction = noise.normal(size=dimension)
    found = 3 * (direction + 0.1 * noise.normal(size=(number, dimension)))
    return [[float(x) for x in row] for row in found]


def _profile(**changed: object) -> dict[str, Any]:
    """The original pipeline's profile, with changes; None leaves a key out."""
    profile = {
        "name": "Ada",
        "centroid": [float(x) for x in np.mean(np.array(_voice(1)), axis=0)],
        "embeddings": _voice(1),
        "threshold": 0.62,
        "created_at": "2025-11-02T10:00:00",
        "audio_sources": [f"ada{n}.wav" for n in range(5)],
        "metadata": {"model": "someone/counting-voxceleb", "total_duration_seconds": 61.5},
    } | changed
    return {key: value for key, value in profile.items() if value is not None}


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> CountingEncoder:
    counting = CountingEncoder()
    registered = RegisteredEncoder("counting", lambda _source, _device: counting, "counts calls")
    monkeypatch.setattr(registry, "registered_encoders", lambda: {"counting": registered})
    monkeypatch.setenv("PGVOICE_ENCODER", "counting")
    return counting


@pytest.fixture
def put(tmp_path: Path) -> Callable[[object], Path]:
    """Writes a JSON file."""

    def write_json(document: object) -> Path:
        path = tmp_path / "people.json"
        path.write_text(json.dumps(document))
        return path

    return write_json


@pytest.fixture
def take(
    store: VoiceStore, encoder: CountingEncoder, put: Callable[[object], Path]
) -> Callable[..., list[Imported]]:
    """Imports a document, with the encoder named."""

    def imported(document: object, **options: Any) -> list[Imported]:
        return import_profiles(store, put(document), **({"encoder": encoder} | options))

    return imported


# The original pipeline's profiles


def test_an_original_profile(store: VoiceStore, take: Callable[..., list[Imported]]) -> None:
    ((enrollment, notes),) = take(_profile())
    assert (enrollment.speaker, enrollment.added, enrollment.exemplars) == ("Ada", 5, 5)
    assert [note.split(":")[0] for note in notes] == [
        "made by 'someone/counting-voxceleb', taken for counting@sha256",
        "its threshold 0.62 is not applied",
        "made from 61.5 s of audio, which is not here",
    ]
    assert {e.source for e in store.exemplars("Ada")} == {f"ada{n}.wav" for n in range(5)}
    assert all((e.left_out_similarity or 0) > 0.9 for e in store.exemplars("Ada"))
    assert store.encoder().threshold.similarity == 0.9
    (again,) = take(_profile())
    assert (again.enrollment.added, again.enrollment.known) == (0, 5)


def test_an_older_profile(store: VoiceStore, take: Callable[..., list[Imported]]) -> None:
    older = _profile(threshold=None, recommended_threshold=0.7, audio_sources=None, metadata=None)
    ((enrollment, notes),) = take(older, name="Ada L.")
    assert enrollment.speaker == "Ada L."
    assert notes[0].startswith("it does not say by which model")
    assert notes[1].startswith("its threshold 0.7 is not applied")
    assert {e.source for e in store.exemplars("Ada L.")} == {"people.json"}


@pytest.mark.parametrize(
    ("sources", "shown"),
    [
        (["a.wav", "b.wav"], {"people.json"}),
        ([{"url": f"u{n}"} for n in range(4)] + [{}], {"u0", "u1", "u2", "u3", "people.json"}),
        ("ada.wav", {"people.json"}),
    ],
)
def test_where_the_embeddings_are_from(
    store: VoiceStore, take: Callable[..., list[Imported]], sources: object, shown: set[str]
) -> None:
    take(_profile(audio_sources=sources))
    assert {exemplar.source for exemplar in store.exemplars("Ada")} == shown


def test_both_thresholds_are_told(take: Callable[..., list[Imported]]) -> None:
    ((_, notes),) = take(_profile(recommended_threshold=0.7, centroid=None, created_at=None))
    assert [note for note in notes if "is not applied" in note] == [
        f"its threshold {value} is not applied: calibration sets thresholds"
        for value in (0.62, 0.7)
    ]


@pytest.mark.parametrize(
    ("encoder", "model"),
    [
        ("ecapa", "speechbrain/spkrec-ecapa-voxceleb"),
        ("ecapa", "ECAPA-TDNN"),
        ("campplus", "CAM++"),
        ("campplus", "iic/speech_campplus_sv_zh_en_16k-common_advanced"),
        ("ecapa", None),
    ],
)
def test_profiles_of_the_encoders_that_there_are(
    store: VoiceStore, put: Callable[[object], Path], encoder: str, model: str | None
) -> None:
    """192 numbers, as the original pipeline's; nothing is loaded for it."""
    file = put(
        _profile(embeddings=_voice(1, dimension=192), centroid=None, metadata={"model": model})
    )
    ((enrollment, _),) = import_profiles(store, file, encoder=make_encoder(encoder))
    assert (enrollment.added, store.encoder().identity.name) == (5, encoder)
    other = "campplus" if encoder == "ecapa" else "ecapa"
    if model is not None:
        with pytest.raises(ProfileRefused, match=f"made by .*, not by {other}: .* never"):
            import_profiles(store, file, encoder=make_encoder(other))


def test_a_centroid_of_unit_embeddings_is_a_mean_too(
    take: Callable[..., list[Imported]],
) -> None:
    units = np.array(_voice(1)) / np.linalg.norm(_voice(1), axis=1, keepdims=True)
    assert take(_profile(centroid=[float(x) for x in units.mean(axis=0)]))[0].enrollment.added == 5


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"embeddings": [[1.0] * 3]}, "embedding 0 has 3 numbers, .* vectors have 16"),
        ({"centroid": [0.5] * 17}, "the centroid has 17 numbers"),
        ({"embeddings": [*_voice(1), [float("nan")] * 16]}, "embedding 5 holds NaN"),
        ({"embeddings": [*_voice(1), [float("inf")] * 16]}, "embedding 5 holds NaN or infinite"),
        ({"embeddings": [*_voice(1), [0.0] * 16]}, "embedding 5 is zero"),
        ({"embeddings": [*_voice(1), "soon"]}, "embedding 5 is no list of numbers"),
        ({"embeddings": [[True] * 16]}, "embedding 0 is no list of numbers"),
        ({"centroid": [0.0] * 16}, "the centroid is zero"),
        ({"embeddings": None}, "no embeddings: a centroid alone"),
        ({"embeddings": [_voice(1)[0]] * 5}, "4 of its 5 embeddings are copies"),
        ({"embeddings": [_voice(1)[0]] * 2}, "1 of its 2 embeddings are copies"),
        ({"embeddings": [[0.25] * 16]}, "one number throughout"),
        ({"centroid": _voice(2)[0]}, "its centroid is not the mean of its embeddings"),
        ({"centroid": _voice(1)[0]}, "its centroid is not the mean"),
        (
            {"embeddings": np.random.default_rng(3).normal(size=(8, 16)).tolist()},
            "its embeddings are not alike",
        ),
        ({"metadata": {"model": "speechbrain/spkrec-ecapa-voxceleb"}}, "not by counting"),
        ({"embeddings": []}, "no embeddings: a centroid alone"),
        ({"embeddings": [*_voice(1), _voice(1)[0][:15]]}, "embedding 5 has 15 numbers"),
        ({"name": None}, "whose voice it is: give --name"),
        ({"name": " "}, "whose voice it is: give --name"),
    ],
)  # fmt: skip
def test_what_is_no_profile_of_a_voice_is_refused(
    store: VoiceStore,
    take: Callable[..., list[Imported]],
    changed: dict[str, object],
    reason: str,
) -> None:
    profile = _profile(**changed)
    with pytest.raises(ProfileRefused, match=f"people.json: .*{reason}"):
        take(profile, force=True)
    assert store.speakers() == []


def test_the_encoder_must_be_named(take: Callable[..., list[Imported]]) -> None:
    with pytest.raises(ProfileRefused, match=r"name the encoder \(--encoder\)"):
        take(_profile(), encoder=None)


def test_the_stores_encoder_must_be_the_same(take: Callable[..., list[Imported]]) -> None:
    take(_profile())
    other = CountingEncoder()
    other.identity = type(other.identity)("counting", "sha256:other", "1", 16, 16_000)
    with pytest.raises(ProfileRefused, match="revision 'sha256:other' there and 'sha256:fake'"):
        take(_profile(name="Bob"), encoder=other)


def test_two_people_in_one_profile(take: Callable[..., list[Imported]]) -> None:
    mixed = [*_voice(1, 40), *_voice(2, 2)]
    profile = _profile(embeddings=mixed, centroid=None)
    with pytest.raises(IncoherentExemplars, match=r"people.json \(imported\)"):
        take(profile)
    assert take(profile, force=True)[0].enrollment.exemplars == 42


def test_one_profile_under_two_names(take: Callable[..., list[Imported]]) -> None:
    take(_profile())
    near = np.array(_voice(1)) + 0.01
    with pytest.raises(SoundsLikeAnother, match=r"'Bob' sounds like .*'Ada'"):
        take(_profile(name="Bob", embeddings=near.tolist(), centroid=None))


def test_a_single_embedding_cannot_be_checked(take: Callable[..., list[Imported]]) -> None:
    ((_, notes),) = take(_profile(embeddings=_voice(1)[:1], centroid=None))
    assert notes[-1].startswith("one embedding")


# Source lists


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    return write(tmp_path / "ada.wav", voice(110, 4))


@pytest.fixture
def eve(tmp_path: Path) -> Path:
    return write(tmp_path / "eve.wav", voice(900, 4))


def test_a_list_of_sources(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path
) -> None:
    ((enrollment, notes),) = take({"sources": [{"url": "ada.wav"}]}, name="Ada")
    assert (enrollment.speaker, enrollment.added, notes) == ("Ada", 2, ())
    assert take({"sources": [{"url": ada.as_uri()}]}, name="Ada")[0].enrollment.known == 2
    assert store.speakers()[0].seconds == 4


def test_sources_of_several_people(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path, eve: Path
) -> None:
    lists = {
        "ada": {"name": "Ada", "urls": ["ada.wav"], "threshold": 0.7, "metadata": {}},
        "eve": {"urls": [str(eve)]},
    }
    first, second = take(lists)
    assert first.notes == ("its threshold 0.7 is not applied: calibration sets thresholds",)
    assert [first.enrollment.speaker, second.enrollment.speaker] == ["Ada", "eve"]
    assert [one.enrollment.added for one in take(lists)] == [0, 0]


def test_sources_that_say_more(take: Callable[..., list[Imported]], ada: Path, eve: Path) -> None:
    ((first, notes),) = take({"name": "Ada", "sources": [{"url": "ada.wav", "title": "x"}]})
    assert (first.speaker, notes) == ("Ada", ())
    ((second, notes),) = take({"e": {"urls": [{"url": "eve.wav"}], "recommended_threshold": 0.5}})
    assert (second.speaker, second.added) == ("e", 2)
    assert notes == ("its threshold 0.5 is not applied: calibration sets thresholds",)
    assert take({"e": {"urls": ["eve.wav"]}}, name="Eve", force=True)[0].enrollment.added == 2


class Downloads:
    """A plugin that knows an address."""

    def __init__(self, known: dict[str, Path]) -> None:
        self.known = known

    @hookimpl
    def register_audio_sources(self, register: RegisterAudioSource) -> None:
        register("downloads", self.known.get, summary="for a test")


def test_an_id_is_found_by_the_plugin_that_knows_it(
    take: Callable[..., list[Imported]], ada: Path, loaded: plugins.Plugins
) -> None:
    loaded.register(Downloads({"https://videos.example/watch?v=7": ada}))
    known, unknown = ({"url": f"https://videos.example/watch?v={n}"} for n in (7, 8))
    assert take({"sources": [known]}, name="Ada")[0].enrollment.added == 2
    with pytest.raises(AudioNotFound, match=r"watch\?v=8': name its file.*asked: .*downloads"):
        take({"sources": [known, unknown]}, name="Bob")


def test_nobody_is_enrolled_where_a_source_is_missing(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path
) -> None:
    with pytest.raises(AudioNotFound, match=r"gone\.wav"):
        take({"a": {"urls": ["ada.wav"]}, "b": {"urls": ["gone.wav"]}})
    assert store.speakers() == []


def test_sources_with_too_little_speech(take: Callable[..., list[Imported]], ada: Path) -> None:
    with pytest.raises(TooLittleSpeech, match=r"4\.0 s in"):
        take({"sources": ["ada.wav"]}, name="Ada", min_speech=10)


@pytest.mark.parametrize(
    ("document", "options", "reason"),
    [
        ([1], {}, "found no object"),
        ({}, {}, "none of what can be imported"),
        ({"x": 1}, {}, "none of what can be imported"),
        ({"sources": [{"url": "ada.wav"}]}, {}, "give --name"),
        ({"a": {"urls": ["x"]}, "b": {"urls": ["y"]}}, {"name": "c"}, "tells of 2 people"),
        ({"sources": []}, {"name": "c"}, "expected a list of recordings"),
        ({"sources": [{}]}, {"name": "c"}, "sources 0: found no url"),
        ({"sources": [{"url": 7}]}, {"name": "c"}, "sources 0: found no url"),
        ({"ada": {"name": "Ada", "urls": "a.wav"}}, {}, "ada: .*expected a list of recordings"),
        ({"ada": {"urls": ["a.wav", ""]}}, {}, "ada 1: found no url"),
        ({"ada": {"urls": ["a.wav"]}, "eve": {"name": "Eve"}}, {}, "none of what can be imported"),
        ({"format": "pgvoice profiles", "version": 2}, {}, "version 2, expected 1"),
        ({"format": "pgvoice profiles", "version": 1, "speakers": [{}]}, {}, "malformed speaker"),
    ],
)
def test_other_files_are_refused(
    take: Callable[..., list[Imported]], document: object, options: dict[str, str], reason: str
) -> None:
    with pytest.raises(FormatError, match=f"people.json: .*{reason}"):
        take(document, **options)


# Our own profiles


@pytest.fixture
def enrolled(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path, eve: Path
) -> VoiceStore:
    """Ada, from audio, with consent, and an exemplar left out; and Eve, from vectors."""
    take({"sources": ["ada.wav"]}, name="Ada")
    take(_profile(name="Eve"))
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
    """A store that has met nobody, and no encoder."""
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
        ({"embedding": [2 * x for x in whole["embedding"]]}, ProfileRefused, "not of unit length"),
        ({"embedding": whole["embedding"][1:]}, ProfileRefused, "has 15 numbers"),
        ({"embedding": None}, ProfileRefused, "is no list of numbers"),
        ({"end_ms": -1}, FormatError, "expected 0 <= start <= end"),
        ({"start_ms": "soon"}, FormatError, "malformed speaker"),
    ):
        exemplar |= whole | change
        file.write_text(json.dumps(document))
        with pytest.raises(error, match=reason):
            import_profiles(enrolled, file)
    exemplar |= whole
    file.write_text(json.dumps(document))
    with pytest.raises(ProfileRefused, match="names of its own: leave --name away"):
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
    assert other.speakers() == []
    assert len(import_profiles(other, file, force=True)) == 3
