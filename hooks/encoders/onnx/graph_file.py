"""What an ONNX file says of itself: metadata, inputs and outputs, read without its weights.

The file is a protobuf message (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Only the
few fields that are needed are read; the packages that read all of them take seconds and the memory
of the weights, and an encoder's identity is asked for by commands that encode nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pgvoice.hooks.encoders.weights import digest
from pgvoice.hooks.errors import EncoderUnavailable

#: The length of an axis; None if it is not fixed.
Axis = int | None
#: Later versions of the operators say which elements a mean is of.
RAGGED_BEFORE = 19
#: Numbers of types of elements.
FLOAT32, INT32, INT64 = 1, 6, 7


class Tensor(NamedTuple):
    """An input or an output of a graph."""

    name: str
    #: The number of the type of its elements.
    kind: int
    #: None if the file does not say how many axes there are.
    shape: tuple[Axis, ...] | None


class GraphFile(NamedTuple):
    """An ONNX file."""

    metadata: dict[str, str]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    #: Whether some means may be of fewer elements than others: see `known_faults`.
    has_ragged_means: bool
    #: Hex sha256 of the file, and of the files beside it that hold its weights.
    sha256: str


def read_graph(path: Path) -> GraphFile:
    """Read an ONNX file, once in the process until its size or time changes.

    Raises `EncoderUnavailable` if it cannot be read or is no ONNX file.
    """
    try:
        stat = path.stat()
        graph, beside = _read(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise EncoderUnavailable(f"cannot read the model {path}: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        raise EncoderUnavailable(
            f"{path} is no ONNX file, or only a part of one: download it again"
        ) from error
    return graph._replace(sha256=_sha256(path, beside))


@lru_cache(maxsize=32)
def _read(path: Path, _size: int, _changed_ns: int) -> tuple[GraphFile, list[str]]:
    """The file without its digest, and the files that hold its weights."""
    with path.open("rb") as file:
        model = _Message(memoryview(mmap(file.fileno(), 0, access=ACCESS_READ)))
    graph = next(model.messages(7), None)
    if graph is None:
        raise ValueError("there is no graph")
    constants = {weights.text(8) for weights in graph.messages(5)}
    inputs = tuple(each for each in _tensors(graph, 11) if each.name not in constants)
    metadata = {entry.text(1): entry.text(2) for entry in model.messages(14)}
    outputs, ragged = tuple(_tensors(graph, 12)), _has_ragged_means(model, graph)
    return GraphFile(metadata, inputs, outputs, ragged, ""), sorted({*_places(graph)})


def _has_ragged_means(model: _Message, graph: _Message) -> bool:
    """Whether a pool of averages rounds up their number and counts what pads its input."""
    versions = {each.text(1): each.number(2) for each in model.messages(8)}
    pools = (node for node in graph.messages(1) if node.text(4) == "AveragePool")
    stated = ({each.text(1): each.number(3) for each in pool.messages(5)} for pool in pools)
    ragged = any(each.get("ceil_mode") and each.get("count_include_pad") for each in stated)
    return ragged and versions.get("", 0) < RAGGED_BEFORE


def _tensors(graph: _Message, field: int) -> Iterator[Tensor]:
    for value in graph.messages(field):
        types = value.messages(2)
        tensor = next((of for kind in types for of in kind.messages(1)), _Message(memoryview(b"")))
        shapes = [tuple(map(_axis, shape.messages(1))) for shape in tensor.messages(2)]
        yield Tensor(value.text(1), tensor.number(1), shapes[0] if shapes else None)


def _axis(dimension: _Message) -> Axis:
    """The length, which is left out of the file if the axis only has a name, or neither."""
    return dimension.number(1) or None


def _sha256(path: Path, beside: Sequence[str]) -> str:
    """The digest of the file, or of the digests of all files if weights are in others."""
    if not beside:
        return digest(path)
    parts = [digest(path), *(digest(_inside(path.parent, place)) for place in beside)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _places(graph: _Message) -> Iterator[str]:
    """The files that hold weights of a graph and of the graphs inside it."""
    for weights in graph.messages(5):
        yield from _place(weights)
    for node in graph.messages(1):
        for attribute in node.messages(5):
            for field in (5, 10):
                for weights in attribute.messages(field):
                    yield from _place(weights)
            for field in (6, 11):
                for inner in attribute.messages(field):
                    yield from _places(inner)


def _place(weights: _Message) -> Iterator[str]:
    entries = ((entry.text(1), entry.text(2)) for entry in weights.messages(13))
    return (value for key, value in entries if key == "location")


def _inside(folder: Path, place: str) -> Path:
    """The path of a file with weights; raises `EncoderUnavailable` if it is not below `folder`."""
    relative = PurePosixPath(place)
    if relative.is_absolute() or ".." in relative.parts:
        raise EncoderUnavailable(
            f"the model keeps weights in {place!r}, outside its folder {folder}: export it again"
            " with its weights beside it"
        )
    return folder / relative


class _Message:
    """A protobuf message; raises `ValueError` or `IndexError` if the bytes are none."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._numbers = dict[int, int]()
        self._parts = dict[int, list[memoryview]]()
        at = 0
        while at < len(data):
            at = self._field(at)

    def messages(self, field: int) -> Iterator[_Message]:
        """The messages in a repeated field, in order."""
        return map(_Message, self._parts.get(field, ()))

    def text(self, field: int) -> str:
        """The last text in a field; empty if there is none."""
        return bytes(self._parts[field][-1]).decode() if field in self._parts else ""

    def number(self, field: int) -> int:
        """The last number in a field; 0 if there is none."""
        return self._numbers.get(field, 0)

    def _field(self, at: int) -> int:
        """Keep the field that begins here, and return where the next one does."""
        tag, at = self._varint(at)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            self._numbers[field], at = self._varint(at)
            return at
        if kind == 2:
            size, at = self._varint(at)
            self._parts.setdefault(field, []).append(self._data[at : at + size])
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"no field has the type {kind}")
        if at + size > len(self._data):
            raise ValueError("the last field is cut off")
        return at + size

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = self._data[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at
            if shift > 63:
                raise ValueError("a number is too long")
