"""Vectors as another engine gives them: checked, on the grid, and of unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pgvoice.store.errors import InvalidSegment, VectorsRefused
from pgvoice.store.keys import SegmentKey, snap_segment
from pgvoice.store.recordings.segment_rows import Embedding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The longest vector that Postgres stores.
MAX_DIMENSION = 16_000
#: A length this close to 1 is 1, rounded to float32; such a vector is stored bit for bit.
ROUNDING = 1e-5
#: A shorter vector has no direction.
ZERO = 1e-6


class GivenVector(NamedTuple):
    """A segment with the vector that another engine computed of it."""

    #: Seconds.
    start: float
    end: float
    #: Numbers of any scale; None if the engine has no vector of the segment.
    embedding: Any
    #: The diarizer's name for the speaker.
    label: str | None = None
    #: Where it was found, for messages: ``row 12``.
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place or 'the segment'} ({self.start:.10g} to {self.end:.10g} s)"


class Measured(NamedTuple):
    """The vectors of one recording."""

    #: 0 if there is no vector.
    dimension: int
    #: In time order; None for a vector that is zero or not finite.
    vectors: dict[SegmentKey, Embedding | None]
    #: By label, if each has one vector.
    of_labels: dict[str, Embedding | None]


def measured(given: Sequence[GivenVector], grid_ms: int, *, per_label: bool) -> Measured:
    """Check the vectors of a recording, snap their times and scale them to unit length.

    Raises `VectorsRefused` for what is no span or no vector, for different lengths, and for two
    vectors of one segment; without `per_label` if two segments share a vector, and with it if a
    label has two. A span that two labels have gets no label's vector.
    """
    keys = [_key(each, grid_ms) for each in given]
    found = [
        (key, each) for key, each in zip(keys, given, strict=True) if each.embedding is not None
    ]
    if not found:
        return Measured(0, {}, {})
    rows = _matrix([each for _, each in found])
    units = _units(rows)
    of_keys: dict[SegmentKey, tuple[GivenVector, bytes, Embedding | None]] = {}
    owners: dict[bytes, tuple[SegmentKey, GivenVector]] = {}
    of_labels: dict[str, tuple[GivenVector, bytes, Embedding | None]] = {}
    shared = set[SegmentKey]()
    for (key, each), row, unit in zip(found, rows, units, strict=True):
        content = row.tobytes()
        if per_label:
            label = _label(each)
            first = of_labels.setdefault(label, (each, content, unit))
            if first[1] != content:
                raise VectorsRefused(
                    f"{first[0]} and {each}: two vectors of {label!r}, where each label has one"
                )
        elif unit is not None:
            _refuse_copy(owners.setdefault(content, (key, each)), key, each)
        before = of_keys.setdefault(key, (each, content, unit))
        if before[1] != content and not per_label:
            raise VectorsRefused(f"{before[0]} and {each}: two vectors of one segment: keep one")
        if before[1] != content:
            shared.add(key)
    return Measured(
        rows.shape[1],
        {key: of_keys[key][2] for key in sorted(of_keys) if key not in shared},
        {label: unit for label, (_, _, unit) in of_labels.items()},
    )


def _key(given: GivenVector, grid_ms: int) -> SegmentKey:
    try:
        return snap_segment((given.start, given.end), grid_ms)
    except InvalidSegment as error:
        raise VectorsRefused(f"{given.place or 'a segment'}: {error.why}") from None


def _label(given: GivenVector) -> str:
    if given.label is None:
        raise VectorsRefused(f"{given} has a vector and no label, where each label has one vector")
    return given.label


def _refuse_copy(
    first: tuple[SegmentKey, GivenVector], key: SegmentKey, given: GivenVector
) -> None:
    if first[0] != key:
        raise VectorsRefused(
            f"{first[1]} and {given} have the same vector: leave one out; if the engine has one"
            " vector per label, import them as such (--per-label)"
        )


def _matrix(given: Sequence[GivenVector]) -> NDArray[np.float64]:
    """``(segments, dimension)``."""
    import numpy as np

    rows = [_numbers(each) for each in given]
    dimension = len(rows[0])
    for row, each in zip(rows, given, strict=True):
        if len(row) != dimension:
            raise VectorsRefused(
                f"{each} has {len(row):,} numbers, and {given[0]} has {dimension:,}: vectors of"
                " different lengths are of different encoders"
            )
    if not 1 <= dimension <= MAX_DIMENSION:
        raise VectorsRefused(
            f"{given[0]} has {dimension:,} numbers, and a vector has 1 to {MAX_DIMENSION:,}"
        )
    return np.stack(rows)


def _numbers(given: GivenVector) -> NDArray[np.float64]:
    import numpy as np

    try:
        row = np.asarray(given.embedding, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise VectorsRefused(f"{given}: the vector is not a list of numbers") from None
    if row.ndim != 1:
        raise VectorsRefused(f"{given}: the vector has {row.ndim} dimensions instead of one")
    return row


def _units(rows: NDArray[np.float64]) -> list[Embedding | None]:
    """Each row as a float32 vector of unit length, or None if it has no direction."""
    import numpy as np

    usable = np.isfinite(rows).all(axis=1)
    largest = np.abs(rows).max(axis=1, initial=0)
    with np.errstate(all="ignore"):
        scaled = rows / largest[:, None]
        lengths = np.linalg.norm(scaled, axis=1)
        usable &= largest * lengths > ZERO
        are_units = abs(largest * lengths - 1) < ROUNDING
        units = np.where(are_units[:, None], rows, scaled / lengths[:, None]).astype(np.float32)
    return [unit if fits else None for unit, fits in zip(units, usable, strict=True)]
