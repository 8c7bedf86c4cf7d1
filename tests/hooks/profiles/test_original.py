"""Profiles of the original pipeline, and every reason to refuse one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.stores.foreign_profiles import one_voice, original_profile

from pgvoice.hooks import (
    Imported,
    ProfileRefused,
    import_profiles,
    make_encoder,
)
from pgvoice.store import IncoherentExemplars, SoundsLikeAnother, VoiceStore


def test_an_original_profile(store: VoiceStore, take: Callable[..., list[Imported]]) -> None:
    ((enrollment, notes),) = take(original_profile())
    assert (enrollment.speaker, enrollment.added, enrollment.exemplars) == ("Ada", 5, 5)
    assert [note.split(":")[0] for note in notes] == [
        "made by 'someone/counting-voxceleb', assumed to be counting@sha256",
        "its threshold 0.62 is not applied",
        "made from 61.5 s of audio, which is not in the file",
    ]
    assert {e.source for e in store.people.exemplars("Ada")} == {f"ada{n}.wav" for n in range(5)}
    assert all((e.left_out_similarity or 0) > 0.9 for e in store.people.exemplars("Ada"))
    assert store.encoders.find().threshold.similarity == 0.9
    (again,) = take(original_profile())
    assert (again.enrollment.added, again.enrollment.known) == (0, 5)


def test_an_older_profile(store: VoiceStore, take: Callable[..., list[Imported]]) -> None:
    older = original_profile(
        threshold=None, recommended_threshold=0.7, audio_sources=None, metadata=None
    )
    ((enrollment, notes),) = take(older, name="Ada L.")
    assert enrollment.speaker == "Ada L."
    assert notes[0].startswith("it does not name its model")
    assert notes[1].startswith("its threshold 0.7 is not applied")
    assert {e.source for e in store.people.exemplars("Ada L.")} == {"people.json"}


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
    take(original_profile(audio_sources=sources))
    assert {exemplar.source for exemplar in store.people.exemplars("Ada")} == shown


def test_both_thresholds_are_told(take: Callable[..., list[Imported]]) -> None:
    ((_, notes),) = take(
        original_profile(recommended_threshold=0.7, centroid=None, created_at=None)
    )
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
    """192 numbers, as in the original pipeline; no model is loaded."""
    file = put(
        original_profile(
            embeddings=one_voice(1, dimension=192), centroid=None, metadata={"model": model}
        )
    )
    ((enrollment, _),) = import_profiles(store, file, encoder=make_encoder(encoder))
    assert (enrollment.added, store.encoders.find().identity.name) == (5, encoder)
    other = "campplus" if encoder == "ecapa" else "ecapa"
    if model is not None:
        with pytest.raises(ProfileRefused, match=f"made by .*, not by {other}: .* compared"):
            import_profiles(store, file, encoder=make_encoder(other))


def test_a_centroid_of_unit_embeddings_is_a_mean_too(
    take: Callable[..., list[Imported]],
) -> None:
    units = np.array(one_voice(1)) / np.linalg.norm(one_voice(1), axis=1, keepdims=True)
    assert (
        take(original_profile(centroid=[float(x) for x in units.mean(axis=0)]))[0].enrollment.added
        == 5
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"embeddings": [[1.0] * 3]}, "embedding 0 has 3 numbers, .* vectors have 16"),
        ({"centroid": [0.5] * 17}, "the centroid has 17 numbers"),
        ({"embeddings": [*one_voice(1), [float("nan")] * 16]}, "embedding 5 contains NaN"),
        ({"embeddings": [*one_voice(1), [float("inf")] * 16]}, "embedding 5 contains NaN or inf"),
        ({"embeddings": [*one_voice(1), [0.0] * 16]}, "embedding 5 is zero"),
        ({"embeddings": [*one_voice(1), "soon"]}, "embedding 5 is not a list of numbers"),
        ({"embeddings": [[True] * 16]}, "embedding 0 is not a list of numbers"),
        ({"centroid": [0.0] * 16}, "the centroid is zero"),
        ({"embeddings": None}, "no embeddings: a centroid alone"),
        ({"embeddings": [one_voice(1)[0]] * 5}, "4 of its 5 embeddings are copies of others"),
        ({"embeddings": [one_voice(1)[0]] * 2}, "1 of its 2 embeddings are copies of others"),
        ({"embeddings": [[0.25] * 16]}, "repeats one number"),
        ({"centroid": one_voice(2)[0]}, "its centroid is not the mean of its embeddings"),
        ({"centroid": one_voice(1)[0]}, "its centroid is not the mean"),
        (
            {"embeddings": np.random.default_rng(3).normal(size=(8, 16)).tolist()},
            "its embeddings are too different",
        ),
        ({"metadata": {"model": "speechbrain/spkrec-ecapa-voxceleb"}}, "not by counting"),
        ({"embeddings": []}, "no embeddings: a centroid alone"),
        ({"embeddings": [*one_voice(1), one_voice(1)[0][:15]]}, "embedding 5 has 15 numbers"),
        ({"name": None}, "does not name the person: add --name"),
        ({"name": " "}, "does not name the person: add --name"),
    ],
)  # fmt: skip
def test_what_is_no_profile_of_a_voice_is_refused(
    store: VoiceStore,
    take: Callable[..., list[Imported]],
    changed: dict[str, object],
    reason: str,
) -> None:
    profile = original_profile(**changed)
    with pytest.raises(ProfileRefused, match=f"people.json: .*{reason}"):
        take(profile, force=True)
    assert store.people.speakers() == []


def test_the_encoder_must_be_named(take: Callable[..., list[Imported]]) -> None:
    with pytest.raises(ProfileRefused, match=r"model is unknown: name the encoder \(--encoder\)"):
        take(original_profile(), encoder=None)


def test_the_stores_encoder_must_be_the_same(take: Callable[..., list[Imported]]) -> None:
    take(original_profile())
    other = CountingEncoder()
    other.identity = type(other.identity)("counting", "sha256:other", "1", 16, 16_000)
    with pytest.raises(ProfileRefused, match="revision 'sha256:other' there and 'sha256:fake'"):
        take(original_profile(name="Bob"), encoder=other)


def test_two_people_in_one_profile(take: Callable[..., list[Imported]]) -> None:
    mixed = [*one_voice(1, 40), *one_voice(2, 2)]
    profile = original_profile(embeddings=mixed, centroid=None)
    with pytest.raises(IncoherentExemplars, match=r"people.json \(imported\)"):
        take(profile)
    assert take(profile, force=True)[0].enrollment.exemplars == 42


def test_one_profile_under_two_names(take: Callable[..., list[Imported]]) -> None:
    take(original_profile())
    near = np.array(one_voice(1)) + 0.01
    with pytest.raises(SoundsLikeAnother, match=r"'Bob' sounds like .*'Ada'"):
        take(original_profile(name="Bob", embeddings=near.tolist(), centroid=None))


def test_a_single_embedding_cannot_be_checked(take: Callable[..., list[Imported]]) -> None:
    ((_, notes),) = take(original_profile(embeddings=one_voice(1)[:1], centroid=None))
    assert notes[-1].startswith("one embedding")
