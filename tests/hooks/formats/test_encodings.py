"""Text in other encodings than UTF-8, files of sound, and half characters."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pgvoice_testkit.audio.audio_files import (
    LOSSLESS,
    LOSSY,
    OPEN_ENDED,
    speech_band,
    spread,
    write,
)
from pgvoice_testkit.stores.labelled_turns import labels, unasked

from pgvoice.hooks import FormatError
from pgvoice.hooks.formats.encodings import decoded, encoded
from pgvoice.hooks.formats.reading import read_document, read_segments
from pgvoice.hooks.formats.swapped import check_order
from pgvoice.hooks.formats.writing import save_labels

KINDS = LOSSY | OPEN_ENDED | LOSSLESS
CUE = "1\r\n00:00:00,000 --> 00:00:01,000\r\n{}\r\n"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("cp1252", "[Zoë]: hi"),
        ("cp1252", "Grüß Gott, schöne Bäume und Füße"),
        ("cp1252", "¿Cómo está? El niño comió."),
        ("cp1250", "Zażółć gęślą jaźń, proszę pana"),
        ("cp1251", "Привет, как дела? Хорошо, спасибо."),
        ("cp1253", "Καλημέρα, τι κάνεις σήμερα;"),
        ("cp932", "こんにちは、元気ですか"),
        ("gb18030", "你好 今天的天气很好 我们去公园吧"),
        ("cp949", "안녕하세요 오늘 날씨가 좋네요"),
        ("utf-16-le", "Zoë"),
    ],
)
def test_detected(encoding: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    path.write_bytes(CUE.format(said).encode(encoding))
    source = read_document(path)
    assert source.text == CUE.format(said)
    assert source.encoding.replace("_", "-") == encoding
    save_labels(unasked(source.segments), tmp_path / "again.srt", source=source)
    assert (tmp_path / "again.srt").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
def test_byte_order_marks(encoding: str) -> None:
    data = encoded("Zoë\n", encoding)
    assert decoded(data) == ("Zoë\n", encoding)
    assert data.decode("utf-16" if "16" in encoding else "utf-32" if "32" in encoding else encoding)


def test_a_name_that_the_encoding_lacks(tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    path.write_bytes(CUE.format("[Zoë]: hi").encode("cp1252"))
    source = read_document(path)
    with pytest.raises(FormatError, match="cp1252, the encoding of the source, has no 'Ł'"):
        save_labels(labels(source.segments, "Łukasz"), tmp_path / "new.srt", source=source)
    assert not (tmp_path / "new.srt").exists()
    save_labels(labels(source.segments, "Łukasz"), tmp_path / "new.vtt", source=source)
    assert read_segments(tmp_path / "new.vtt")[0].label == "Łukasz"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Zoë Grüß Gott".encode() + b"\n\xe9", "line 2: found the byte 0xe9, expected text in"),
        (b"\x00\xff\x00\x01\x80\n", "line 1: found the byte 0xff, expected text in utf-8"),
        (b"a\n[\xed\xa0\x80]", r"line 2: found a lone surrogate U\+D800, expected text in utf-8"),
        (b"\xff\xfea", "expected text in utf-16"),
    ],
)
def test_what_is_no_text(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message):
        read_segments(path)
    with pytest.raises(FormatError, match=message):
        read_segments(io.BytesIO(data))


def test_half_a_character_in_a_stream() -> None:
    with pytest.raises(FormatError, match=r"line 2: found a lone surrogate U\+DC00, expected text"):
        read_segments(io.StringIO("\n\udc00"))


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_sound(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", spread(speech_band(0.3, 48_000), 1), 48_000, KINDS[kind])
    data = path.read_bytes()
    sound = tmp_path / "talk.rttm"
    sound.write_bytes(data)
    with pytest.raises(FormatError, match=r"talk\.rttm: found an audio or video file \("):
        read_segments(sound)
    text = tmp_path / "talk.wav"
    text.write_text("SPEAKER talk 1 0 1 <NA> <NA> Ann <NA> <NA>\n")
    with pytest.raises(FormatError, match=r"AUDIO comes before SEGMENTS: give `.*rttm .*wav`, not"):
        check_order(str(text), str(sound))
    check_order(str(sound), str(text))
    check_order(None, str(sound))
