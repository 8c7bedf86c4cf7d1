"""Clips of any span of speech: exact, bounded, and only of the file that was filled."""

from __future__ import annotations

import io
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from pgvoice_testkit.audio.sounds import RATE, silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from sqlalchemy import text

from pgvoice.hooks import AudioError, AudioNotFound, fill
from pgvoice.hooks.audio import recording, same_file
from pgvoice.hooks.listening.clip_cache import ClipCache
from pgvoice.hooks.listening.cutting import ClipCutter, WavClip
from pgvoice.store import NotHearable, UnknownVideo, VoiceStore


@pytest.fixture
def talk(store: VoiceStore, tmp_path: Path) -> Path:
    """Four seconds of speech, six of silence; filled as ``talk``."""
    path = write(tmp_path / "talk.wav", voice(110, 4), silence(6))
    fill(store, CountingEncoder(), video="talk", audio=path, segments=[(0, 2), (2, 4)])
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each file that is read as a whole, as often as it is."""
    found: list[Path] = []
    original = recording._sha256

    def counting(path: Path) -> str:
        found.append(path)
        return original(path)

    monkeypatch.setattr(recording, "_sha256", counting)
    return found


def _samples(clip: WavClip) -> NDArray[np.float32]:
    samples, rate = soundfile.read(io.BytesIO(clip.wav), dtype="float32")
    assert rate == RATE
    found: NDArray[np.float32] = samples
    return found


def test_a_clip_is_exactly_its_span(store: VoiceStore, talk: Path) -> None:
    whole, _ = soundfile.read(talk, dtype="float32")
    cutter = ClipCutter(store)
    clip = cutter.cut("talk", 0.5, 1.75)
    np.testing.assert_allclose(
        _samples(clip), whole[RATE // 2 : RATE * 7 // 4], rtol=0, atol=2**-15
    )
    assert (clip.start, clip.end) == (0.5, 1.75)
    around = cutter.cut("talk", 0.5, 1.75, context=0.25)
    assert (around.start, around.end) == (0.25, 2.0)
    assert len(_samples(around)) == RATE * 7 // 4
    assert around.digest != clip.digest
    assert cutter.cut("talk", 0.5, 1.75).digest == clip.digest


def test_erased_speech_is_silent_beside_what_is_heard(store: VoiceStore, talk: Path) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pgvoice.erased_span (audio, person, start_ms, end_ms)"
                " SELECT audio_sha256, '\\x00', 2000, 4000 FROM pgvoice.video"
            )
        )
    cutter = ClipCutter(store)
    samples = _samples(cutter.cut("talk", 1, 2, context=1))
    assert np.abs(samples[: 2 * RATE]).max() > 0.01
    assert not samples[2 * RATE :].any()
    with pytest.raises(NotHearable):
        cutter.cut("talk", 2, 4)


def test_what_is_no_clip_is_refused(store: VoiceStore, talk: Path) -> None:
    cutter = ClipCutter(store)
    with pytest.raises(ValueError, match=r"0 to 60.001 s is too long: give 60 s at most"):
        cutter.cut("talk", 0, 60.001)
    with pytest.raises(NotHearable):
        cutter.cut("talk", 0, 9)
    with pytest.raises(UnknownVideo):
        cutter.cut("../talk", 0, 1)


def test_a_file_is_read_as_a_whole_only_once(
    store: VoiceStore, talk: Path, hashed: list[Path]
) -> None:
    cutter = ClipCutter(store)
    for start in (0, 0.25, 0.5):
        cutter.cut("talk", start, start + 1)
    assert hashed == [talk]


def test_a_file_that_was_changed_is_refused(
    store: VoiceStore, talk: Path, tmp_path: Path, hashed: list[Path]
) -> None:
    cutter = ClipCutter(store)
    cutter.cut("talk", 0, 1)
    original, other = talk.read_bytes(), write(tmp_path / "other.wav", voice(310, 10))
    talk.write_bytes(other.read_bytes())
    for _ in range(2):
        with pytest.raises(AudioError, match=r"talk.wav is not the audio that 'talk' was filled"):
            cutter.cut("talk", 1, 2)
    # What was cut before is of the right file.
    assert len(_samples(cutter.cut("talk", 0, 1))) == RATE
    assert len(hashed) == 2
    talk.unlink()
    with pytest.raises(AudioNotFound, match=r"talk.wav is missing.*put it back, or set PGVOICE_A"):
        cutter.cut("talk", 1, 2)
    talk.write_bytes(original)
    assert len(_samples(cutter.cut("talk", 1, 2))) == RATE


def test_a_missing_file_is_a_sentence(
    store: VoiceStore, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk.rename(tmp_path / "moved.wav")
    with pytest.raises(AudioNotFound, match=rf"^{talk} is missing, which 'talk' was filled from"):
        ClipCutter(store).cut("talk", 0, 1)
    folder = tmp_path / "archive"
    folder.mkdir()
    (tmp_path / "moved.wav").rename(folder / "talk.wav")
    monkeypatch.setenv("PGVOICE_AUDIO", str(folder))
    assert len(_samples(ClipCutter(store).cut("talk", 0, 1))) == RATE


@pytest.mark.parametrize("video", ["../outside", "link"])
def test_no_file_outside_of_the_folder_is_played(
    store: VoiceStore, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, video: str
) -> None:
    outside = talk.rename(tmp_path / "outside.wav")
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "link.wav").symlink_to(outside)
    monkeypatch.setenv("PGVOICE_AUDIO", str(folder))
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE pgvoice.video SET key = :key"), {"key": video})
    with pytest.raises(AudioError, match="leads out of the folder"):
        ClipCutter(store).cut(video, 0, 1)


def test_few_files_stay_open(tmp_path: Path, hashed: list[Path]) -> None:
    paths = [write(tmp_path / f"{name}.wav", voice(110, 1)) for name in "abc"]
    sha256 = recording._sha256(paths[0])
    hashed.clear()
    kept = same_file.KeptOpen(most=2)
    for path in (*paths, paths[1], paths[2], paths[0]):
        with kept.same_recording("x", str(path), sha256) as opened:
            assert opened.path == path
    assert hashed == [*paths, paths[0]]
    kept.close()
    assert not kept._files


def test_the_cache_keeps_so_many_bytes() -> None:
    cache, made = ClipCache(10), list[str]()

    def get(key: str, size: int = 4) -> bytes:
        return cache.get(key, lambda: made.append(key) or bytes(size))  # type: ignore[func-returns-value]

    for key in ("a", "b", "a", "c", "a", "b", "big", "a"):
        assert len(get(key, 11 if key == "big" else 4)) >= 4
    assert made == ["a", "b", "c", "b", "big", "a"]


def test_what_many_ask_for_at_once_is_made_once() -> None:
    cache, made = ClipCache(10), list[int]()
    asked, got = Barrier(9), list[bytes]()

    def make() -> bytes:
        asked.wait(60)
        made.append(1)
        return b"clip"

    def ask() -> None:
        got.append(cache.get("a", make))

    def also_ask() -> None:
        asked.wait(60)
        ask()

    first = Thread(target=ask)
    first.start()
    others = [Thread(target=also_ask) for _ in range(8)]
    for each in others:
        each.start()
    for each in (first, *others):
        each.join(60)
    assert got == [b"clip"] * 9
    assert made == [1]


def test_a_failure_is_not_kept() -> None:
    cache = ClipCache(10)

    def fail() -> bytes:
        raise AudioError("no")

    with pytest.raises(AudioError):
        cache.get("a", fail)
    assert cache.get("a", lambda: b"clip") == b"clip"
