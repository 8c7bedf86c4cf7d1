"""What makes an encoder that encoder: the identity that keeps vectors of different kinds apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from pgvoice.store.errors import UnknownEncoder

#: The id of the encoder whose identity the parameters hold, in a statement.
ENCODER_ID = (
    "(SELECT id FROM pgvoice.encoder WHERE name = :name AND revision = :revision"
    " AND preprocessing = :preprocessing AND dimension = :dimension"
    " AND sample_rate = :sample_rate)"
)


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Name, weights and preprocessing of an encoder, known without loading it.

    Vectors are comparable only when all five fields are equal.
    """

    name: str
    #: The weights: ``sha256:`` and the hex digest of the file, or a hub commit.
    revision: str
    #: Version of all between waveform and network; raised when a vector would change.
    preprocessing: str
    #: Length of the vector.
    dimension: int
    #: Samples per second that the encoder takes.
    sample_rate: int

    def __str__(self) -> str:
        return f"{self.name}@{self.revision[:19]}"


#: An encoder by its identity, by name or ``name@revision…``, or None for the store's only one.
WhichEncoder = EncoderIdentity | str | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """The similarity from which a segment is taken for a speaker, and where the figure is from."""

    #: Cosine similarity in [-1, 1].
    similarity: float
    source: str


@dataclass(frozen=True, slots=True)
class StoredEncoder:
    """An encoder that the store has met."""

    id: int
    identity: EncoderIdentity
    threshold: Threshold
    #: Whether thresholds were measured on this library.
    calibrated: bool


def ensure(connection: Connection, identity: EncoderIdentity, threshold: Threshold) -> int:
    """The id of an encoder, registered if new; its default threshold is brought up to date."""
    found: int = connection.scalar(
        text(
            "INSERT INTO pgvoice.encoder AS e (name, revision, preprocessing, dimension,"
            " sample_rate, default_threshold, threshold_source)"
            " VALUES (:name, :revision, :preprocessing, :dimension, :sample_rate, :similarity,"
            " :source) ON CONFLICT (name, revision, preprocessing, dimension, sample_rate)"
            " DO UPDATE SET default_threshold = excluded.default_threshold,"
            " threshold_source = excluded.threshold_source RETURNING id"
        ),
        asdict(identity) | asdict(threshold),
    )
    return found


def stored(connection: Connection) -> list[StoredEncoder]:
    """Every encoder that the store has met, oldest first."""
    rows = connection.execute(
        text(
            "SELECT id, name, revision, preprocessing, dimension, sample_rate,"
            " default_threshold, threshold_source, EXISTS"
            " (SELECT FROM pgvoice.calibration c WHERE c.encoder_id = e.id AND c.active)"
            " FROM pgvoice.encoder e ORDER BY id"
        )
    )
    return [
        StoredEncoder(row[0], EncoderIdentity(*row[1:6]), Threshold(*row[6:8]), row[8])
        for row in rows
    ]


def find(connection: Connection, which: EncoderIdentity | str | None) -> StoredEncoder:
    """The stored encoder of this identity, of this name (or ``name@revision…``), or the only one.

    Raises `UnknownEncoder` when there is none or more than one.
    """
    all_stored = stored(connection)
    fitting = [encoder for encoder in all_stored if _fits(encoder.identity, which)]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(str(encoder.identity) for encoder in all_stored) or "none yet"
    if not fitting:
        asked = "an encoder" if which is None else repr(str(which))
        raise UnknownEncoder(f"no vectors of {asked} in the store (there are: {there}): fill first")
    raise UnknownEncoder(f"the store has vectors of more than one encoder: name one of {there}")


def _fits(identity: EncoderIdentity, which: EncoderIdentity | str | None) -> bool:
    if which is None or isinstance(which, EncoderIdentity):
        return which is None or identity == which
    name, _, revision = which.partition("@")
    return identity.name == name and identity.revision.startswith(revision)
