"""Whether a file is as long as its own structure says; only headers are read.

An mp3 without a Xing or VBRI header, a raw AAC stream and a fragmented mp4 that ends between two
fragments promise no length: a truncated one is indistinguishable from a shorter file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pgvoice.hooks.errors import AudioTruncated

#: Lengths that programs write if they cannot seek back: zero (unfinished files of FFmpeg and
#: others), all ones (FFmpeg), and the very large numbers of SoX and arecord. From each of the
#: latter some programs subtract the bytes before the samples.
_STREAMED = (0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_STREAMED_HEADER = 128
#: Programs that count their own header as samples promise up to this many bytes too many.
_SLACK = 64
#: An Ogg page is at most this long (RFC 3533, section 6).
_OGG_PAGE = 65_307
_OGG_HEADER = 27
_END_OF_STREAM = 0x04
#: Samples by which an mp3 decoder lags, included in the padding (528 and 1 in FFmpeg's mp3dec.c).
_MP3_DECODER_DELAY = 529


#: Returns the complaint about a file of a size in bytes, or None.
_Check = Callable[[BinaryIO, int], str | None]


class _Chunk(NamedTuple):
    name: bytes
    #: Offset of its content, in bytes.
    start: int
    length: int


def check_complete(path: Path) -> None:
    """Raise `AudioTruncated` if the file is shorter than it promises."""
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(12)
        complaint = _check_for(magic)(file, size)
    if complaint:
        raise AudioTruncated(f"{path} {complaint}; download it again")


def _check_for(magic: bytes) -> _Check:
    if magic[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return _mp4
    checks: dict[bytes, _Check] = {b"RF64": _riff, b"RIFF": _riff, b"RIFX": _riff}
    checks |= {b"OggS": _ogg, b"\x1a\x45\xdf\xa3": _matroska}
    checks[b"FORM"] = _data_chunk(b"SSND", 12, ">4sI")
    checks[b"caff"] = _data_chunk(b"data", 8, ">4sq", align=1)
    # The names of Sony's W64 have 16 bytes; lengths count the 24 bytes of name and length.
    checks[b"riff"] = _data_chunk(b"data", 40, "<4s12xq", align=8, counted=24)
    return checks.get(magic[:4], lambda file, size: None)


def _short(size: int, promised: int, slack: int = _SLACK) -> str | None:
    if promised <= size + slack:
        return None
    return f"contains {size:,} bytes of the {promised:,} that its header promises"


def _is_streamed(length: int) -> bool:
    return length in (0, 2**64 - 1) or any(
        0 <= open_end - length <= _STREAMED_HEADER for open_end in _STREAMED
    )


def _riff(file: BinaryIO, size: int) -> str | None:
    """WAV, RF64 and big-endian RIFX; of AVI only the first list of chunks."""
    file.seek(0)
    magic, length, form = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if form != b"WAVE":
        return _short(size, 8 + length)
    long_length = 0
    for chunk in _chunks(file, size, 12, ">4sI" if magic == b"RIFX" else "<4sI"):
        if chunk.name == b"ds64":
            long_length = int.from_bytes(file.read(16)[8:16], "little")
        if chunk.name == b"data":
            promised = long_length if chunk.length == 0xFFFFFFFF else chunk.length
            return None if _is_streamed(promised) else _short(size, chunk.start + promised)
    return "ends within its header"


def _data_chunk(name: bytes, start: int, header: str, align: int = 2, counted: int = 0) -> _Check:
    """The check of a format whose samples are in one chunk; the parameters are `_chunks`'s."""

    def check(file: BinaryIO, size: int) -> str | None:
        for chunk in _chunks(file, size, start, header, align, counted):
            if chunk.name == name:
                return _short(size, chunk.start + chunk.length)
        return "ends within its header"

    return check


def _chunks(
    file: BinaryIO, size: int, position: int, header: str, align: int = 2, counted: int = 0
) -> Iterator[_Chunk]:
    """`counted` is how many bytes of the header the length includes."""
    header_size = struct.calcsize(header)
    while position + header_size <= size:
        file.seek(position)
        name, length = struct.unpack(header, file.read(header_size))
        length -= counted
        yield _Chunk(name, position + header_size, length)
        if length < 0:
            return
        position += header_size + length + -(length + header_size) % align


def _mp4(file: BinaryIO, size: int) -> str | None:
    position, names = 0, set()
    while position + 8 <= size:
        file.seek(position)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        length = length or size - position  # zero: up to the end of the file
        if position + length > size and name in (b"mdat", b"moof", b"moov"):
            return _short(size, position + length, slack=0)
        names.add(name)
        position += max(8, length)
    return None if b"moov" in names else "ends before its index (the moov box)"


def _matroska(file: BinaryIO, size: int) -> str | None:
    """By the segment's length; all ones means a stream that was written without seeking back."""
    position = 0
    for _ in range(2):  # the EBML header, the segment
        file.seek(position)
        element = file.read(16)
        id_size = _vint_size(element[:1])
        length_size = _vint_size(element[id_size : id_size + 1])
        length = int.from_bytes(element[id_size : id_size + length_size], "big")
        unknown = length + 1 == 1 << (7 * length_size + 1)
        length &= (1 << 7 * length_size) - 1
        position += id_size + length_size + length
    return None if unknown else _short(size, position, slack=0)


def _vint_size(first: bytes) -> int:
    """Bytes of an EBML variable-length integer: leading zeros of its first byte, plus one."""
    return 9 - max(1, int.from_bytes(first, "big").bit_length())


def _ogg(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - 2 * _OGG_PAGE))
    tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < _OGG_HEADER:
        return "ends in the middle of a page"
    segments = page[_OGG_HEADER : _OGG_HEADER + page[26]]
    if len(page) < _OGG_HEADER + page[26] + sum(segments):
        return "ends in the middle of a page"
    return None if page[5] & _END_OF_STREAM else "ends before the page that is marked as its last"


def promised_mp3_frames(path: Path) -> int | None:
    """The number of frames in the Xing, Info or VBRI header; None without one."""
    head = _first_mp3_frame(path)
    xing = _xing(head)
    if xing is not None and head[xing + 7] & 1:
        return int.from_bytes(head[xing + 8 : xing + 12], "big")
    if head[36:40] == b"VBRI":
        return int.from_bytes(head[50:54], "big")
    return None


def mp3_padding(path: Path) -> int:
    """Samples at the end that are not audio, as FFmpeg computes them from LAME's header."""
    head = _first_mp3_frame(path)
    xing = _xing(head)
    if xing is None or not head[xing + 7] & 1:
        return 0
    flags = head[xing + 7]
    lame = xing + 12 + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    if head[lame : lame + 4] not in (b"LAME", b"Lavf", b"Lavc"):
        return 0
    written = int.from_bytes(head[lame + 21 : lame + 24], "big") & 0xFFF
    return max(0, written - _MP3_DECODER_DELAY)


def _first_mp3_frame(path: Path) -> bytes:
    """At least its header; empty if there is no frame."""
    with path.open("rb") as file:
        start = _id3_size(file)
        file.seek(start)
        head = file.read(4096).lstrip(b"\0")
    found = len(head) >= 64 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    return head if found else b""


def _xing(head: bytes) -> int | None:
    """Offset of the Xing or Info header."""
    if not head:
        return None
    mpeg1, mono = head[1] & 0x18 == 0x18, head[3] >> 6 == 3
    xing = 4 + ((17 if mono else 32) if mpeg1 else (9 if mono else 17))
    return xing if head[xing : xing + 4] in (b"Xing", b"Info") else None


def _id3_size(file: BinaryIO) -> int:
    """Bytes of the ID3v2 tags at the start; their lengths use seven bits of each byte."""
    total = 0
    while (head := file.read(10))[:3] == b"ID3":
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        total += 10 + size + (10 if head[5] & 0x10 else 0)
        file.seek(total)
    return total
