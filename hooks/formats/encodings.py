"""Bytes of files as text, and back: byte order marks, UTF-8, then what a detector finds."""

from __future__ import annotations

import codecs
import re

from pgvoice.hooks.errors import FormatError
from pgvoice.store.names import SURROGATE, flaw_of

# UTF-32's mark in little-endian order begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: The encodings of Unicode; any other was detected.
UNICODE = frozenset({"utf-8", *(encoding for _, encoding in _MARKS)})
_WESTERN = "cp1252"
_ALPHABETS = [_WESTERN, "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"]
_ALPHABETS += ["koi8_r", "mac_roman", "utf_16_le", "utf_16_be"]
_CHARACTERS = ["cp932", "euc_jp", "gb18030", "big5", "cp949"]
_TOGETHER = re.compile(rb"[\x80-\xff]{2}")

# The first bytes of audio and video files, from `file`'s magic numbers.
_SOUNDS = (
    (re.compile(rb"(?:RIFF|RF64|RIFX)....WAVE", re.DOTALL), "WAV"),
    (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), "MP3"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "AAC"),
    (re.compile(rb"fLaC"), "FLAC"),
    (re.compile(rb"OggS"), "Ogg"),
    (re.compile(rb"....ftyp", re.DOTALL), "MP4"),
    (re.compile(rb"\x1aE\xdf\xa3"), "Matroska or WebM"),
    (re.compile(rb"FORM....AIF[FC]", re.DOTALL), "AIFF"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "AVI"),
    (re.compile(rb"0&\xb2u\x8ef\xcf\x11"), "WMA or WMV"),
    (re.compile(rb"\.snd\0"), "AU"),
    (re.compile(rb"caff\0"), "CAF"),
    (re.compile(rb"#!AMR"), "AMR"),
    (re.compile(rb"NIST_1A\n"), "SPHERE"),
    (re.compile(rb"riff\x2e\x91\xcf\x11"), "W64"),
    (re.compile(rb"G.{187}G", re.DOTALL), "MPEG transport stream"),
)
#: How many bytes `sound_of` needs.
HEAD = 189


def sound_of(head: bytes) -> str | None:
    """The kind of an audio or video file that begins with these bytes; None for other files."""
    return next((kind for begins, kind in _SOUNDS if begins.match(head)), None)


def decoded(data: bytes) -> tuple[str, str]:
    """The text without its byte order mark, and its encoding for `encoded`.

    It may have lone surrogates, see `check_characters`. Raises `FormatError` for what is no text.
    """
    kind = sound_of(data)
    if kind is not None:
        raise FormatError(f"found an audio or video file ({kind}), expected segments")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], encoding.removesuffix("-sig")), encoding
    try:
        return data.decode("utf-8", "surrogatepass"), "utf-8"
    except UnicodeDecodeError as error:
        detected = None if _is_damaged(data) else _detected(data)
        if detected is None:
            raise undecodable(error) from error
        return detected


def encoded(text: str, encoding: str) -> bytes:
    """The bytes of a file; raises `FormatError` for a character that the encoding lacks."""
    mark = next((mark for mark, marked in _MARKS if marked == encoding), b"")
    try:
        return mark + text.encode(encoding.removesuffix("-sig"))
    except UnicodeEncodeError as error:
        lacking = error.object[error.start]
        raise FormatError(
            f"{encoding}, the encoding of the source, has no {lacking!r}: convert the source to"
            " UTF-8, or write another format"
        ) from error


def check_characters(text: str) -> None:
    """Raise `FormatError` for half a character, which no encoding has."""
    found = SURROGATE.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise FormatError(f"line {line}: found {flaw_of(found[0])}, expected text in utf-8")


def undecodable(error: UnicodeDecodeError) -> FormatError:
    """The error for bytes that are no text, with their line."""
    line = error.object.count(b"\n", 0, error.start) + 1
    byte = error.object[error.start : error.start + 1].hex()
    return FormatError(f"line {line}: found the byte 0x{byte}, expected text in {error.encoding}")


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise undecodable(error) from error


def _is_damaged(data: bytes) -> bool:
    """Whether these are bytes of UTF-8 with some mistakes, rather than of another encoding."""
    text = data.decode(errors="replace")
    wrong = text.count("\N{REPLACEMENT CHARACTER}")
    return sum(not character.isascii() for character in text) > 2 * wrong


def _detected(data: bytes) -> tuple[str, str] | None:
    """Text in an encoding that a detector finds plausible, and that gives the same bytes back.

    A few accented letters say little: where several encodings give the same text, or the detector
    is at a loss, it is Western; where no two of them are together, it is not of the Far East.
    """
    from charset_normalizer import from_bytes

    candidates = _ALPHABETS if _TOGETHER.search(data) is None else [*_ALPHABETS, *_CHARACTERS]
    best = from_bytes(data, cp_isolation=candidates).best()
    encoding = best.encoding if best is not None else _WESTERN
    if best is not None and _WESTERN in best.could_be_from_charset:
        encoding = _WESTERN
    if b"\0" in data and not encoding.startswith("utf_16"):
        return None
    try:
        text = data.decode(encoding)
        return (text, encoding) if text.encode(encoding) == data else None
    except UnicodeError:
        return None
