"""The profile files of the pipeline that this work started from: a centroid and its embeddings.

``{name, centroid[192], embeddings[[192]…], threshold, created_at, audio_sources[], metadata{…}}``;
older ones say ``recommended_threshold``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import ProfileRefused
from pgvoice.hooks.profiles.vectors import Vector, unit, vector
from pgvoice.store.keys import SegmentKey
from pgvoice.store.people.enrollments import Exemplar
from pgvoice.store.recordings.segment_rows import Embedding

THRESHOLD_KEYS = ("threshold", "recommended_threshold")
#: Cosine similarity from which two embeddings are one and the same; windows that share half of
#: their audio stay under it.
SAME = 0.9999
#: Cosine similarity that a centroid has to the mean of its embeddings at least.
MEAN = 0.999


@dataclass(frozen=True, slots=True)
class OriginalProfile:
    """A profile that was found plausible."""

    name: str
    exemplars: tuple[Exemplar, ...]
    #: What people should know: what was not applied, and what could not be checked.
    notes: tuple[str, ...]


def is_original(found: dict[str, object]) -> bool:
    """Whether a JSON object is such a profile."""
    return "embeddings" in found or "centroid" in found


def read_original(found: dict[str, object], encoder: Encoder, source: str) -> OriginalProfile:
    """The profile of a JSON object; `ProfileRefused` when it is of no voice that `encoder` heard.

    Refused are a wrong dimension, another model, numbers that are not finite, zero vectors, and
    what looks made up: copies, a centroid that is not the mean, embeddings that are not alike.
    """
    metadata = found.get("metadata")
    details = metadata if isinstance(metadata, dict) else {}
    notes = [_match_model(details.get("model"), encoder), *_unused(found, details)]
    embeddings = _embeddings(found, encoder.identity.dimension)
    _refuse_made_up(embeddings, encoder)
    _refuse_other_centroid(found.get("centroid"), embeddings, encoder.identity.dimension)
    if len(embeddings) == 1:
        notes.append("one embedding: whether it is of one voice cannot be seen")
    return OriginalProfile(
        str(found.get("name") or ""),
        tuple(
            _exemplar(unit(numbers), origin)
            for numbers, origin in zip(
                embeddings, _origins(found, len(embeddings), source), strict=True
            )
        ),
        tuple(notes),
    )


def threshold_note(found: dict[str, object]) -> list[str]:
    """That the threshold of a file is not applied, where it has one."""
    return [
        f"its threshold {found[key]} is not applied: calibration sets thresholds"
        for key in THRESHOLD_KEYS
        if found.get(key) is not None
    ]


def _match_model(model: object, encoder: Encoder) -> str:
    name = encoder.identity.name
    if not isinstance(model, str) or not model:
        return f"it does not say by which model: taken for {name}, as you named it"
    if _plain(name) not in _plain(model):
        raise ProfileRefused(
            f"it was made by {model!r}, not by {name}: vectors of different models are never"
            " compared; name the encoder that made it (--encoder)"
        )
    return f"made by {model!r}, taken for {encoder.identity}"


def _plain(name: str) -> str:
    # CAM++ is called campplus where a name has to be plain.
    return "".join(c for c in name.lower().replace("++", "pplus") if c.isalnum())


def _unused(found: dict[str, object], details: dict[str, object]) -> list[str]:
    seconds = details.get("total_duration_seconds")
    heard = [] if seconds is None else [f"made from {seconds} s of audio, which is not here"]
    return [*threshold_note(found), *heard]


def _embeddings(found: dict[str, object], dimension: int) -> list[Vector]:
    listed = found.get("embeddings")
    if not isinstance(listed, list) or not listed:
        raise ProfileRefused("it has no embeddings: a centroid alone cannot be checked")
    return [vector(one, f"embedding {place}", dimension) for place, one in enumerate(listed)]


def _refuse_made_up(embeddings: list[Vector], encoder: Encoder) -> None:
    for place, numbers in enumerate(embeddings):
        if np.ptp(numbers) == 0:
            raise ProfileRefused(f"embedding {place} is one number throughout: it is made up")
    if len(embeddings) == 1:
        return
    alike = _similarities(embeddings)
    copies = int(sum((alike[place, :place] > SAME).any() for place in range(len(alike))))
    if 2 * copies >= len(alike):
        raise ProfileRefused(
            f"{copies} of its {len(alike)} embeddings are copies of another: it is made up, and"
            " says nothing of how much a voice varies"
        )
    coherence = _leave_one_out(embeddings)
    threshold = encoder.default_threshold.similarity
    if coherence < threshold:
        raise ProfileRefused(
            f"its embeddings are not alike (on average {coherence:.3f} to the mean of the others,"
            f" under the encoder's threshold of {threshold:.3f}): they are of no one voice, random,"
            " or of another model"
        )


def _similarities(embeddings: list[Vector]) -> NDArray[np.float64]:
    units = np.stack([numbers / np.linalg.norm(numbers) for numbers in embeddings])
    similarities: NDArray[np.float64] = units @ units.T
    return similarities


def _leave_one_out(embeddings: list[Vector]) -> float:
    units = np.stack([numbers / np.linalg.norm(numbers) for numbers in embeddings])
    others = units.sum(axis=0) - units
    lengths = np.maximum(np.linalg.norm(others, axis=1), 1e-12)
    return float(np.mean(np.sum(units * others, axis=1) / lengths))


def _refuse_other_centroid(found: object, embeddings: list[Vector], dimension: int) -> None:
    if found is None:
        return
    centroid = vector(found, "the centroid", dimension)
    centroid /= np.linalg.norm(centroid)
    of_units = [numbers / np.linalg.norm(numbers) for numbers in embeddings]
    similarity = max(_cosine(centroid, mean) for mean in (sum(embeddings), sum(of_units)))
    if similarity < MEAN:
        raise ProfileRefused(
            f"its centroid is not the mean of its embeddings (similarity {similarity:.3f}):"
            " one of the two is made up"
        )


def _cosine(centroid: Vector, mean: object) -> float:
    direction = np.asarray(mean, np.float64)
    return float(centroid @ direction / max(float(np.linalg.norm(direction)), 1e-12))


def _origins(found: dict[str, object], number: int, source: str) -> list[str]:
    listed = found.get("audio_sources")
    if isinstance(listed, list) and len(listed) == number:
        urls = [one.get("url", source) if isinstance(one, dict) else one for one in listed]
        return [str(url) for url in urls]
    return [source] * number


def _exemplar(embedding: Embedding, origin: str) -> Exemplar:
    """Without its audio: the vector's own hash tells it from others, and it has no span."""
    digest = hashlib.sha256(embedding.tobytes()).hexdigest()
    return Exemplar(embedding, f"vector:{digest}", SegmentKey(0, 0), origin)
