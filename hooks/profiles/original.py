"""Profile files of the pipeline that pgvoice started from: a centroid and its embeddings.

``{name, centroid[192], embeddings[[192]…], threshold, created_at, audio_sources[], metadata{…}}``;
older files have ``recommended_threshold``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import ProfileRefused
from pgvoice.hooks.formats.documents import shown
from pgvoice.store.keys import SegmentKey
from pgvoice.store.people.enrollments import Exemplar
from pgvoice.store.recordings.segment_rows import Embedding

Vector = NDArray[np.float64]
#: Numbers above cannot be squared and added up.
_LARGEST = 1e100


def vector(found: object, what: str, dimension: int) -> Vector:
    """The numbers of a JSON list, not scaled; raises `ProfileRefused` if they are not a vector."""
    if not isinstance(found, list) or not all(type(number) in (int, float) for number in found):
        raise ProfileRefused(f"{what} is not a list of numbers")
    if len(found) != dimension:
        raise ProfileRefused(
            f"{what} has {len(found)} numbers, but the encoder's vectors have {dimension}: another"
            " model made it"
        )
    numbers = _finite(found, what)
    if np.abs(numbers).max(initial=0) > _LARGEST:
        raise ProfileRefused(f"{what} contains numbers above {_LARGEST:g}, so it is not a voice")
    if not np.linalg.norm(numbers) > 1e-6:
        raise ProfileRefused(f"{what} is zero, so it is not a voice")
    return numbers


def _finite(found: list[float], what: str) -> Vector:
    try:
        numbers = np.array(found, np.float64)
    except OverflowError:
        numbers = np.array([np.inf])
    if not np.isfinite(numbers).all():
        raise ProfileRefused(f"{what} contains NaN or infinite numbers")
    return numbers


THRESHOLD_KEYS = ("threshold", "recommended_threshold")
#: Cosine similarity above which two embeddings are copies; windows that share half of their audio
#: stay below it.
SAME = 0.9999
#: The least cosine similarity of a centroid to the mean of its embeddings.
MEAN = 0.999


@dataclass(frozen=True, slots=True)
class OriginalProfile:
    """A plausible profile."""

    name: str
    exemplars: tuple[Exemplar, ...]
    #: Remarks for the user: what was not applied, and what could not be checked.
    notes: tuple[str, ...]


def read_original(found: dict[str, object], encoder: Encoder, source: str) -> OriginalProfile:
    """The profile of a JSON object.

    Raises `ProfileRefused` for another model or dimension, for numbers that are not finite or all
    zero, and for fabricated data: copies, a centroid that is not the mean, unrelated embeddings.
    """
    metadata = found.get("metadata")
    details = metadata if isinstance(metadata, dict) else {}
    notes = [_match_model(details.get("model"), encoder), *threshold_note(found)]
    if (seconds := details.get("total_duration_seconds")) is not None:
        notes.append(f"made from {shown(seconds)} s of audio, which is not in the file")
    embeddings = _embeddings(found, encoder.identity.dimension)
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    if len(units) == 1:
        notes.append("one embedding: pgvoice cannot check that it is one voice")
    else:
        _refuse_copies(units)
        _refuse_unrelated(units, encoder.default_threshold.similarity)
    if (listed := found.get("centroid")) is not None:
        centroid = vector(listed, "the centroid", encoder.identity.dimension)
        _refuse_other_centroid(centroid, embeddings.sum(axis=0), units.sum(axis=0))
    origins = _origins(found, len(embeddings), source)
    exemplars = map(_exemplar, embeddings, origins)
    return OriginalProfile(text_of(found.get("name")), tuple(exemplars), tuple(notes))


def text_of(name: object) -> str:
    """A name in a file, which may also be a number; empty if it is neither."""
    return str(name) if isinstance(name, str | int) else ""


def threshold_note(found: dict[str, object]) -> list[str]:
    """A remark for each threshold of a file, none of which is applied."""
    return [
        f"its threshold {shown(found[key])} is not applied: calibration sets thresholds"
        for key in THRESHOLD_KEYS
        if found.get(key) is not None
    ]


def _match_model(model: object, encoder: Encoder) -> str:
    name = encoder.identity.name
    if not isinstance(model, str) or not model:
        return f"it does not name its model: assumed to be {name}, as you chose"
    if _plain(name) not in _plain(model):
        raise ProfileRefused(
            f"it was made by {shown(model)}, not by {name}: vectors of different models cannot be"
            " compared; name the encoder that made it (--encoder)"
        )
    return f"made by {shown(model)}, assumed to be {encoder.identity}"


def _plain(name: str) -> str:
    # CAM++ is also written campplus.
    return "".join(c for c in name.lower().replace("++", "pplus") if c.isalnum())


def _embeddings(found: dict[str, object], dimension: int) -> Vector:
    """``(embeddings, dimension)``, of any length."""
    listed = found.get("embeddings")
    if not isinstance(listed, list) or not listed:
        raise ProfileRefused("it has no embeddings: a centroid alone cannot be checked")
    rows = [vector(one, f"embedding {place}", dimension) for place, one in enumerate(listed)]
    for place, numbers in enumerate(rows):
        if np.ptp(numbers) == 0:
            raise ProfileRefused(f"embedding {place} repeats one number: it is made up")
    return np.stack(rows)


def _refuse_copies(units: Vector) -> None:
    copies = int((np.tril(units @ units.T, -1) > SAME).any(axis=1).sum())
    if 2 * copies >= len(units):
        raise ProfileRefused(
            f"{copies} of its {len(units)} embeddings are copies of others: it is made up, and"
            " does not show how much the voice varies"
        )


def _refuse_unrelated(units: Vector, threshold: float) -> None:
    others = units.sum(axis=0) - units
    lengths = np.maximum(np.linalg.norm(others, axis=1), 1e-12)
    coherence = float(np.mean(np.sum(units * others, axis=1) / lengths))
    if coherence < threshold:
        raise ProfileRefused(
            f"its embeddings are too different (on average {coherence:.3f} similar to the mean of"
            f" the others, below the encoder's threshold of {threshold:.3f}): they are not one"
            " voice, or random, or from another model"
        )


def _refuse_other_centroid(centroid: Vector, *means: Vector) -> None:
    similarity = max(_cosine(centroid, mean) for mean in means)
    if similarity < MEAN:
        raise ProfileRefused(
            f"its centroid is not the mean of its embeddings (similarity {similarity:.3f}):"
            " one of the two is made up"
        )


def _cosine(one: Vector, other: Vector) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / max(lengths, 1e-12)


def _origins(found: dict[str, object], number: int, source: str) -> list[str]:
    listed = found.get("audio_sources")
    if isinstance(listed, list) and len(listed) == number:
        urls = [one.get("url") if isinstance(one, dict) else one for one in listed]
        return [url if isinstance(url, str) else source for url in urls]
    return [source] * number


def _exemplar(numbers: Vector, origin: str) -> Exemplar:
    """An exemplar without audio or span: the hash of the vector identifies it."""
    embedding: Embedding = (numbers / np.linalg.norm(numbers)).astype(np.float32)
    digest = hashlib.sha256(embedding.tobytes()).hexdigest()
    return Exemplar(embedding, f"vector:{digest}", SegmentKey(0, 0), origin)
