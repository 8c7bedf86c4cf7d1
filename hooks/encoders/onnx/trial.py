"""A trial of a model when it is loaded: what it returns, and whether rows mind their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgvoice.hooks.encoders.onnx.front_ends import features
from pgvoice.hooks.encoders.onnx.model import Model
from pgvoice.hooks.encoders.onnx.sessions import reason
from pgvoice.hooks.encoders.waveforms import unit_rows
from pgvoice.hooks.errors import EncoderUnavailable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
    from pgvoice.hooks.encoders.onnx.signature import Array

#: The largest distance of two vectors of unit length that count as equal. Products of other shapes
#: are rounded otherwise, which moves them by about 1e-6; a dependence moves them by far more.
SAME = 1e-5
#: The same for two devices, whose kernels differ.
SAME_ON_DEVICES = 1e-3


def run(session: InferenceSession, model: Model, rows: Array) -> Embeddings:
    """The vectors of rows of one length, as the graph returns them: ``(rows, dimension)``."""
    (found,) = session.run([model.signature.output], model.signature.inputs(rows))
    expected = (len(rows), model.identity.dimension)
    vectors: Embeddings = np.asarray(found, np.float32)
    if vectors.size == np.prod(expected) and (len(rows) == 1 or len(vectors) == len(rows)):
        return vectors.reshape(expected)  # some return (rows, dimension, 1)
    raise EncoderUnavailable(
        f"the model {model.path} returned {vectors.shape} for {len(rows)} waveforms instead of"
        f" {expected}: name another `output`, or the right `dimension`, in its TOML file"
    )


def try_out(session: InferenceSession, model: Model) -> bool:
    """Whether waveforms of one length may be encoded together; raises `EncoderUnavailable`.

    Two different ones must give the same vectors alone and together, and the same again.
    """
    rows = _rows(model, model.front_end.sample_rate)
    alone = _alone(session, model, rows)
    _check_vectors(model, alone, _alone(session, model, rows))
    shortest = model.min_samples / model.front_end.sample_rate
    _alone(session, model, _rows(model, model.min_samples)[:1], f" of {shortest:g} s")
    if model.signature.single:
        return False
    try:
        together = unit_rows(run(session, model, rows))
    except Exception:
        return False  # the graph claims a batch axis that it does not have
    return _apart(together, alone) <= SAME


def _check_vectors(model: Model, vectors: Embeddings, again: Embeddings) -> None:
    if not _apart(vectors, again) <= SAME:
        raise EncoderUnavailable(
            f"the model {model.path} returns another vector for the same sound each time: export"
            " it without dropout and dither"
        )
    if _apart(vectors[:1], vectors[1:]) <= SAME:
        raise EncoderUnavailable(
            f"the model {model.path} returns the same vector for different sounds: check `output`"
            " and `scale` in its TOML file"
        )


def check_device(session: InferenceSession, reference: InferenceSession, model: Model) -> None:
    """Raise `EncoderUnavailable` if a device computes other vectors than a CPU."""
    rows = _rows(model, model.front_end.sample_rate)
    apart = _apart(_alone(session, model, rows), _alone(reference, model, rows))
    if not apart <= SAME_ON_DEVICES:
        raise EncoderUnavailable(
            f"vectors of {model.path} differ by {apart:.2g} from those of a CPU: choose the device"
            " cpu"
        )


def _alone(session: InferenceSession, model: Model, rows: Array, said: str = "") -> Embeddings:
    try:
        found = np.concatenate([run(session, model, row[None]) for row in rows])
    except EncoderUnavailable:
        raise
    except Exception as error:
        raise EncoderUnavailable(
            f"the model {model.path} cannot encode sound{said}: {reason(error)} If that is too"
            " short, state a larger `min_seconds` in its TOML file"
        ) from error
    vectors = unit_rows(found)
    if not np.isfinite(vectors).all():
        raise EncoderUnavailable(
            f"the model {model.path} returns no finite vector for sound{said}: check its settings,"
            " or state a larger `min_seconds` in its TOML file"
        )
    return vectors


def _apart(vectors: Embeddings, others: Embeddings) -> float:
    """The largest distance of two vectors."""
    return float(np.linalg.norm(vectors - others, axis=1).max())


def _rows(model: Model, samples: int) -> Array:
    """Features of two different sounds."""
    return np.stack([features(_sound(seed, samples), model.front_end) for seed in (0, 1)])


def _sound(seed: int, samples: int) -> Waveform:
    """Noise whose loudness changes, like syllables."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0.01, 1, samples // 960 + 1), 960)[:samples]
    sound: Waveform = (0.1 * loudness * rng.standard_normal(samples)).astype(np.float32)
    return sound
