"""Source lists, and files that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pgvoice.hooks import AudioNotFound, FormatError, Imported, hookimpl
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterAudioSource
from pgvoice.store import TooLittleSpeech, VoiceStore


def test_a_list_of_sources(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path
) -> None:
    ((enrollment, notes),) = take({"sources": [{"url": "ada.wav"}]}, name="Ada")
    assert (enrollment.speaker, enrollment.added, notes) == ("Ada", 2, ())
    assert take({"sources": [{"url": ada.as_uri()}]}, name="Ada")[0].enrollment.known == 2
    assert store.people.speakers()[0].seconds == 4


def test_sources_of_several_people(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path, eve: Path
) -> None:
    lists = {
        "ada": {"name": "Ada", "urls": ["ada.wav"], "threshold": 0.7, "metadata": {}},
        "eve": {"urls": [str(eve)]},
    }
    first, second = take(lists)
    assert first.notes == ("its threshold 0.7 is not applied: calibration sets thresholds",)
    assert [first.enrollment.speaker, second.enrollment.speaker] == ["Ada", "eve"]
    assert [one.enrollment.added for one in take(lists)] == [0, 0]


def test_sources_that_say_more(take: Callable[..., list[Imported]], ada: Path, eve: Path) -> None:
    ((first, notes),) = take({"name": "Ada", "sources": [{"url": "ada.wav", "title": "x"}]})
    assert (first.speaker, notes) == ("Ada", ())
    ((second, notes),) = take({"e": {"urls": [{"url": "eve.wav"}], "recommended_threshold": 0.5}})
    assert (second.speaker, second.added) == ("e", 2)
    assert notes == ("its threshold 0.5 is not applied: calibration sets thresholds",)
    assert take({"e": {"urls": ["eve.wav"]}}, name="Eve", force=True)[0].enrollment.added == 2


class Downloads:
    """A plugin that finds an address."""

    def __init__(self, known: dict[str, Path]) -> None:
        self.known = known

    @hookimpl
    def register_audio_sources(self, register: RegisterAudioSource) -> None:
        register("downloads", self.known.get, summary="for a test")


def test_an_id_is_found_by_the_plugin_that_knows_it(
    take: Callable[..., list[Imported]], ada: Path, loaded: installed.Plugins
) -> None:
    loaded.register(Downloads({"https://videos.example/watch?v=7": ada}))
    known, unknown = ({"url": f"https://videos.example/watch?v={n}"} for n in (7, 8))
    assert take({"sources": [known]}, name="Ada")[0].enrollment.added == 2
    with pytest.raises(AudioNotFound, match=r"watch\?v=8': name its file.*searched: .*downloads"):
        take({"sources": [known, unknown]}, name="Bob")


def test_nobody_is_enrolled_where_a_source_is_missing(
    store: VoiceStore, take: Callable[..., list[Imported]], ada: Path
) -> None:
    with pytest.raises(AudioNotFound, match=r"gone\.wav"):
        take({"a": {"urls": ["ada.wav"]}, "b": {"urls": ["gone.wav"]}})
    assert store.people.speakers() == []


def test_sources_with_too_little_speech(take: Callable[..., list[Imported]], ada: Path) -> None:
    with pytest.raises(TooLittleSpeech, match=r"4\.0 s in"):
        take({"sources": ["ada.wav"]}, name="Ada", min_speech=10)


@pytest.mark.parametrize(
    ("document", "options", "reason"),
    [
        ([1], {}, "found no object"),
        ({}, {}, "found neither an export"),
        ({"x": 1}, {}, "found neither an export"),
        ({"sources": [{"url": "ada.wav"}]}, {}, "add --name"),
        ({"a": {"urls": ["x"]}, "b": {"urls": ["y"]}}, {"name": "c"}, "contains 2 people"),
        ({"sources": []}, {"name": "c"}, "expected a list of recordings"),
        ({"sources": [{}]}, {"name": "c"}, "sources 0: found no url"),
        ({"sources": [{"url": 7}]}, {"name": "c"}, "sources 0: found no url"),
        ({"ada": {"name": "Ada", "urls": "a.wav"}}, {}, "ada: .*expected a list of recordings"),
        ({"ada": {"urls": ["a.wav", ""]}}, {}, "ada 1: found no url"),
        ({"ada": {"urls": ["a.wav"]}, "eve": {"name": "Eve"}}, {}, "found neither an export"),
        ({"format": "pgvoice profiles", "version": 2}, {}, "version 2, expected 1"),
        ({"format": "pgvoice profiles", "version": 1, "speakers": [{}]}, {}, "malformed speaker"),
    ],
)
def test_other_files_are_refused(
    take: Callable[..., list[Imported]], document: object, options: dict[str, str], reason: str
) -> None:
    with pytest.raises(FormatError, match=f"people.json: .*{reason}"):
        take(document, **options)
