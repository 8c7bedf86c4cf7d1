"""Encoders: the identity that keeps vectors of different kinds apart, and the stored ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pgvoice.store.errors import CalibrationUnsupported, EncoderImported, UnknownEncoder

#: In a statement, the id of the encoder whose identity is in the parameters.
ENCODER_ID = (
    "(SELECT id FROM pgvoice.encoder WHERE name = :name AND revision = :revision"
    " AND preprocessing = :preprocessing AND dimension = :dimension"
    " AND sample_rate = :sample_rate)"
)

#: The preprocessing of encoders whose vectors were computed elsewhere, by an engine that has a
#: vector for each segment, or one for each label of a recording. No model can have these.
IMPORTED, IMPORTED_PER_LABEL = "imported", "imported-per-label"
#: In a statement, the id of the encoder that `asked` means by the parameter ``encoder``, and its
#: label; NULL while the store has no encoder.
ASKED = "(SELECT coalesce(CAST(:encoder AS integer), pgvoice.default_encoder()))"
ENCODER_LABEL = f"(SELECT label FROM pgvoice.encoder WHERE id = {ASKED})"  # noqa: S608 - of constants

_REGISTER = text(
    "INSERT INTO pgvoice.encoder (name, revision, preprocessing, dimension, sample_rate,"
    " default_threshold, threshold_source) VALUES (:name, :revision, :preprocessing, :dimension,"
    " :sample_rate, :similarity, :source)"
    " ON CONFLICT (name, revision, preprocessing, dimension, sample_rate) DO NOTHING"
)
_REGISTERED = text(
    "SELECT id, (default_threshold, threshold_source) <> (:similarity, :source)"  # noqa: S608
    " AND has_column_privilege('pgvoice.encoder', 'default_threshold', 'UPDATE')"
    f" FROM pgvoice.encoder WHERE id = {ENCODER_ID}"
)
_CHANGE_THRESHOLD = text(
    "UPDATE pgvoice.encoder SET default_threshold = :similarity, threshold_source = :source"
    " WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Name, weights and preprocessing of an encoder, known without loading it.

    Vectors are comparable only if all five fields are equal.
    """

    name: str
    #: Of the weights: ``sha256:`` and the hex digest of the file, or a hub commit.
    revision: str
    #: Version of everything between waveform and network; raised if vectors would change.
    preprocessing: str
    #: Length of the vector.
    dimension: int
    #: Of the waveforms that the encoder takes, in Hz.
    sample_rate: int

    @property
    def is_imported(self) -> bool:
        """Whether its vectors were computed elsewhere, so that nothing can be filled with it."""
        return self.preprocessing in (IMPORTED, IMPORTED_PER_LABEL)

    def __str__(self) -> str:
        """As the column ``label`` of ``pgvoice.encoder``."""
        later = "" if self.preprocessing == "1" else f"/{self.preprocessing}"
        return f"{self.name}@{self.revision[:19]}{later}"


#: An encoder by its identity, as that is shown, by name or ``name@revision…``; None is the one that
#: answers.
WhichEncoder = EncoderIdentity | str | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """The similarity that a segment needs to be named after a speaker, and its source."""

    #: Cosine similarity, above 0 and below 1.
    similarity: float
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.similarity < 1:
            raise ValueError(f"a threshold of {self.similarity} is not between 0 and 1")


@dataclass(frozen=True, slots=True)
class StoredEncoder:
    """An encoder that is registered in the store."""

    id: int
    identity: EncoderIdentity
    threshold: Threshold
    #: Whether thresholds were measured on this library.
    calibrated: bool
    #: Whether it answers unless another one is named.
    is_default: bool
    #: When the library switched to it last; None if it never did.
    default_since: datetime | None


def ensure(
    connection: Connection,
    identity: EncoderIdentity,
    threshold: Threshold,
    *,
    imported: bool = False,
) -> int:
    """Register an encoder if it is new, and return its id.

    If it is known with another default threshold, that changes only if the user may change it:
    thresholds decide about names, so writers may not. Raises `EncoderImported` for an imported one
    unless `imported`, as no model may store vectors as such.
    """
    if identity.is_imported and not imported:
        raise EncoderImported(str(identity))
    values = asdict(identity) | asdict(threshold)
    known = connection.execute(_REGISTERED, values).one_or_none()
    if known is None:
        connection.execute(_REGISTER, values)
        known = connection.execute(_REGISTERED, values).one()
    found, threshold_differs = known
    if threshold_differs:
        connection.execute(_CHANGE_THRESHOLD, values | {"id": found})
    return int(found)


def stored(connection: Connection) -> list[StoredEncoder]:
    """Every registered encoder, oldest first."""
    rows = connection.execute(
        text(
            "SELECT id, name, revision, preprocessing, dimension, sample_rate,"
            " default_threshold, threshold_source, EXISTS"
            " (SELECT FROM pgvoice.calibration c WHERE c.encoder_id = e.id AND c.active),"
            " id = pgvoice.default_encoder(), default_since FROM pgvoice.encoder e ORDER BY id"
        )
    )
    return [
        StoredEncoder(row[0], EncoderIdentity(*row[1:6]), Threshold(*row[6:8]), *row[8:])
        for row in rows
    ]


def find(connection: Connection, which: WhichEncoder) -> StoredEncoder:
    """The stored encoder that `which` means: of several with this name, the one that answers.

    Raises `UnknownEncoder` if there is none, or several without that one.
    """
    every = stored(connection)
    exact = [encoder for encoder in every if _is(encoder, which)]
    fitting = exact or [encoder for encoder in every if _is_called(encoder, which)]
    answering = [encoder for encoder in fitting if encoder.is_default]
    if len(chosen := answering or fitting) == 1:
        return chosen[0]
    there = ", ".join(str(encoder.identity) for encoder in every) or "none yet"
    if not fitting:
        named = "an encoder" if which is None else repr(str(which))
        raise UnknownEncoder(f"no vectors of {named} in the store (there are: {there}): fill first")
    raise UnknownEncoder(f"several encoders are called {str(which)!r}: name one of {there}")


def asked(connection: Connection, which: WhichEncoder) -> int | None:
    """The parameter ``encoder`` of statements with `ASKED`: None means the one that answers.

    Raises `UnknownEncoder`.
    """
    return None if which is None else find(connection, which).id


def require_segment_vectors(encoder: StoredEncoder) -> None:
    """Raises `CalibrationUnsupported` if the segments of a label share one vector."""
    if encoder.identity.preprocessing == IMPORTED_PER_LABEL:
        raise CalibrationUnsupported(
            f"{encoder.identity} has one vector per label, so segments of a label are equal by"
            " construction and calibrate nothing: choose an encoder with a vector per segment"
            " (--encoder), or import these again with --threshold"
        )


def _is(encoder: StoredEncoder, which: WhichEncoder) -> bool:
    if which is None:
        return encoder.is_default
    return encoder.identity == which or str(encoder.identity) == which


def _is_called(encoder: StoredEncoder, which: WhichEncoder) -> bool:
    """Whether `which` is the encoder's name, or that and the beginning of the revision."""
    if not isinstance(which, str):
        return False
    identity = encoder.identity
    name, _, revision = which.partition("@")
    return identity.name == name and (
        identity.revision.startswith(revision)
        or identity.revision.startswith(revision.removesuffix(f"/{identity.preprocessing}"))
    )
