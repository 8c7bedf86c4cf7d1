"""Clips of voices: cut from the file that was filled, never from another, and never silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pgvoice_testkit.audio.sounds import RATE, silence, voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import AudioError, AudioNotFound, NothingToHear, fill
from pgvoice.hooks.listening.clips import as_file, cut_clip, heard_clips, save_clip
from pgvoice.store import VoiceStore
from pgvoice.store.voices.unknown import Clip


@pytest.fixture
def talk(store: VoiceStore, tmp_path: Path) -> Path:
    """A recording: two seconds of speech, then silence; filled as ``talk``."""
    path = write(tmp_path / "talk.wav", voice(110, 2), silence(2))
    fill(store, CountingEncoder(), video="talk", audio=path, segments=[(0, 2)])
    return path


def _clip(path: Path | None, start: float = 0.5, end: float = 1.5) -> Clip:
    return Clip("talk", None if path is None else str(path), start, end)


def test_a_clip_is_the_samples_of_its_span(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    heard = cut_clip(store, _clip(talk))
    whole, _ = soundfile.read(talk, dtype="float32")
    assert heard.sample_rate == RATE
    np.testing.assert_array_equal(heard.waveform, whole[RATE // 2 : 3 * RATE // 2])
    saved = tmp_path / "clip.wav"
    save_clip(heard, saved)
    samples, rate = soundfile.read(saved, dtype="float32")
    assert (rate, soundfile.info(saved).subtype) == (RATE, "PCM_16")
    np.testing.assert_allclose(samples, heard.waveform, atol=2**-15)
    with pytest.raises(FileExistsError):
        save_clip(heard, saved)
    with as_file(heard) as path:
        assert path.read_bytes() == saved.read_bytes()
        assert path.parent.stat().st_mode & 0o077 == 0
    assert not path.exists()


def test_silent_clips_are_skipped(store: VoiceStore, talk: Path) -> None:
    silent = _clip(talk, 2.5, 3.5)
    with pytest.raises(NothingToHear, match=r"'talk' is silent from 2.5 to 3.5 s"):
        cut_clip(store, silent)
    assert [each.clip.start for each in heard_clips(store, [silent, _clip(talk)])] == [0.5]
    with pytest.raises(NothingToHear):
        list(heard_clips(store, [silent]))
    with pytest.raises(NothingToHear, match="no recording has clean speech"):
        list(heard_clips(store, []))


def test_another_file_is_refused(store: VoiceStore, talk: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.wav", voice(310, 4))
    with pytest.raises(AudioError, match=r"other.wav is not the audio that 'talk' was filled from"):
        cut_clip(store, _clip(talk), other)
    talk.write_bytes(other.read_bytes())
    with pytest.raises(AudioError, match=r"talk.wav is not the audio that 'talk' was filled from"):
        cut_clip(store, _clip(talk))


def test_a_file_that_moved(
    store: VoiceStore, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    moved = talk.rename(folder / "talk.wav")
    with pytest.raises(AudioNotFound, match=rf"{talk} is missing.*\(--audio FILE\)"):
        cut_clip(store, _clip(talk))
    assert cut_clip(store, _clip(talk), moved).waveform.size == RATE
    monkeypatch.setenv("PGVOICE_AUDIO", str(folder))
    assert cut_clip(store, _clip(talk)).waveform.size == RATE
    with pytest.raises(AudioNotFound, match=r"nowhere.wav does not exist"):
        cut_clip(store, _clip(talk), folder / "nowhere.wav")
