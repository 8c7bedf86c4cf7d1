"""One function per hook: arguments, results, and failing plugins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.hooks import (
    FillReport,
    IdentifyResult,
    InvalidSegments,
    PluginError,
    SegmenterAudio,
    SegmenterIdentity,
    fill,
    hookimpl,
    identify,
    make_encoder,
    make_segmenter,
    resolve_audio,
)
from pgvoice.hooks.formats.format import Format, RegisterFormat
from pgvoice.hooks.formats.reading import read_segments, registered_formats
from pgvoice.hooks.plugins import calls, installed
from pgvoice.hooks.plugins.pages import registered_pages
from pgvoice.hooks.plugins.specs import (
    RegisterAudioSource,
    RegisterCommand,
    RegisterEncoder,
    RegisterPage,
    RegisterSegmenter,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store import VoiceStore
from pgvoice.store.turns import Turn

SEGMENTS = (Turn(0.0, 2.0, "S0"), Turn(2.0, 4.0))


class Toy:
    """A segmenter that finds the same turns in everything."""

    labels_are_people = True
    device = "cpu"

    def __init__(self, source: str | None) -> None:
        self.identity = SegmenterIdentity(f"toy {source}", "1")

    def load(self) -> None: ...

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        yield from SEGMENTS


@dataclass(eq=False)
class Whole:
    """Implements every hook."""

    file: Path
    reports: list[FillReport] = field(default_factory=list)
    results: list[IdentifyResult] = field(default_factory=list)
    given: list[object] = field(default_factory=list)

    @hookimpl
    def register_encoders(self, register: RegisterEncoder) -> None:
        register("toy", lambda source, _device: CountingEncoder(f"toy {source}"), summary="a toy")

    @hookimpl
    def register_segmenters(self, register: RegisterSegmenter) -> None:
        register("toy", lambda source, _device: Toy(source), summary="a toy")

    @hookimpl
    def register_audio_sources(self, register: RegisterAudioSource) -> None:
        register("one", {"talk": self.file}.get, summary="one file")

    @hookimpl
    def register_formats(self, register: RegisterFormat) -> None:
        register(
            Format("toy", (".toy",), lambda _text, *, uri: list(SEGMENTS), lambda _text: False)
        )

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        register(click.Command("toy", help="A toy."))

    @hookimpl
    def register_pages(self, register: RegisterPage) -> None:
        register("toy", lambda _site: None, title="Toy", panels={"person": lambda *_: "a toy"})

    @hookimpl
    def segments_ready(self, video: str, audio: Path, segments: Sequence[Turn]) -> list[Labelled]:
        self.given.append((video, audio, segments))
        return [Labelled(segment, None) for segment in segments]

    @hookimpl
    def after_fill(self, report: FillReport) -> None:
        self.reports.append(report)

    @hookimpl
    def after_identify(self, result: IdentifyResult) -> None:
        self.results.append(result)


class Failing:
    """Fails in every hook."""

    @hookimpl
    def register_encoders(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def register_audio_sources(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def register_segmenters(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def register_formats(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def register_commands(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def register_pages(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def segments_ready(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def after_fill(self) -> None:
        raise ZeroDivisionError("oh")

    @hookimpl
    def after_identify(self) -> None:
        raise ZeroDivisionError("oh")


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return write(tmp_path / "talk.wav", voice(110, 4))


@pytest.fixture
def whole(loaded: installed.Plugins, talk: Path) -> Whole:
    plugin = Whole(talk)
    loaded.register(plugin, "whole")
    return plugin


@pytest.fixture
def failing(loaded: installed.Plugins, whole: Whole) -> None:
    """Loaded after `whole`, so it is called first."""
    assert whole
    loaded.register(Failing(), "failing")


@pytest.mark.usefixtures("whole")
def test_register_encoders() -> None:
    assert make_encoder("toy:x").identity.name == "toy x"


@pytest.mark.usefixtures("whole")
def test_register_segmenters() -> None:
    assert make_segmenter("toy:x").identity.name == "toy x"


def test_register_audio_sources(whole: Whole) -> None:
    assert resolve_audio("talk") == whole.file


@pytest.mark.usefixtures("whole")
def test_register_formats(tmp_path: Path) -> None:
    (tmp_path / "talk.toy").write_text("something")
    assert read_segments(tmp_path / "talk.toy") == list(SEGMENTS)
    assert list(registered_formats())[-1] == "toy"


@pytest.mark.usefixtures("whole")
def test_register_commands() -> None:
    found: list[tuple[str, str | None]] = []

    def made(plugin: str, command: click.Command) -> click.Command:
        found.append((plugin, command.name))
        return command

    assert list(calls.registered("register_commands", "a command", made)) == ["toy"]
    assert found == [("whole", "toy")]


@pytest.mark.usefixtures("whole")
def test_register_pages() -> None:
    page = registered_pages()["toy"]
    assert (page.plugin, page.title, list(page.panels)) == ("whole", "Toy", ["person"])


def test_segments_ready(whole: Whole) -> None:
    answers = calls.segments_ready("talk", "talk.wav", SEGMENTS)
    assert answers == [Labelled(segment, None) for segment in SEGMENTS]
    assert whole.given == [("talk", Path("talk.wav"), SEGMENTS)]


def test_after_fill(store: VoiceStore, whole: Whole, talk: Path) -> None:
    def filled(span: tuple[float, float]) -> FillReport:
        return fill(store, CountingEncoder(), video="talk", audio=talk, segments=[span])

    report, again = filled((0, 2)), filled((0, 2))
    assert [seen.missing for seen in whole.reports] == [1, 0]
    assert whole.reports == [report, again]
    with pytest.raises(InvalidSegments) as raised:
        filled((2, 1))
    assert whole.reports[2] == raised.value.report


def test_after_identify(store: VoiceStore, whole: Whole, talk: Path) -> None:
    encoder = CountingEncoder()
    fill(store, encoder, video="talk", audio=talk, segments=[(0, 2)])
    result = identify(store, "talk")
    assert whole.results == [result]
    assert (result.video, result.encoder.identity) == ("talk", encoder.identity)
    assert [answer.reason for answer in result.answers] == ["no_profiles"]
    assert list(result.answers) == store.answers.identify("talk")


REGISTERING: dict[str, Callable[[], object]] = {
    "register_encoders": lambda: make_encoder("campplus"),
    "register_segmenters": lambda: make_segmenter("toy"),
    "register_audio_sources": lambda: resolve_audio("talk"),
    "register_formats": registered_formats,
    "register_commands": lambda: calls.registered(
        "register_commands", "a command", lambda _, new: new
    ),
    "register_pages": registered_pages,
}


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(("hook", "call"), REGISTERING.items())
def test_one_that_fails_to_register_is_an_error(hook: str, call: Callable[[], object]) -> None:
    with pytest.raises(
        PluginError,
        match=rf"^the plugin failing failed in {hook}: ZeroDivisionError: oh; .*PGVOICE_PLUGINS=",
    ):
        call()


@pytest.mark.usefixtures("failing")
def test_one_that_fails_in_an_event_is_logged_and_the_others_go_on(
    store: VoiceStore, whole: Whole, talk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, CountingEncoder(), video="talk", audio=talk, segments=[(0, 2)])
    identify(store, "talk")
    assert calls.segments_ready("talk", talk, SEGMENTS) is not None
    assert (len(whole.reports), len(whole.results)) == (1, 1)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, f"the plugin failing failed in {event}")
        for event in ("after_fill", "after_identify", "segments_ready")
    ]


def test_events_go_on_where_no_plugin_can_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    store: VoiceStore,
    talk: Path,
    loaded: installed.Plugins,
) -> None:
    assert loaded
    installed.manager.cache_clear()
    monkeypatch.setenv("PGVOICE_PLUGINS", "not-there")
    report = fill(store, CountingEncoder(), video="talk", audio=talk, segments=[(0, 2)])
    assert report.run.filled == 1
    assert "no plugin is called for after_fill: PGVOICE_PLUGINS names" in caplog.text


class Silent:
    """Returns no answer."""

    @hookimpl
    def segments_ready(self) -> None: ...


class Hasty:
    """Returns too few answers."""

    @hookimpl
    def segments_ready(self) -> list[Labelled]:
        return []


class Odd:
    """Returns something other than a list."""

    @hookimpl
    def segments_ready(self) -> int:
        return 7


def test_who_answers_nothing_or_too_little_is_passed_over(
    loaded: installed.Plugins, whole: Whole, caplog: pytest.LogCaptureFixture
) -> None:
    loaded.register(Silent(), "silent")
    loaded.register(Hasty(), "hasty")
    loaded.register(Odd(), "odd")
    answers = calls.segments_ready("talk", "talk.wav", SEGMENTS)
    assert answers is not None
    assert len(answers) == len(SEGMENTS)
    assert len(whole.given) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "the plugin odd failed in segments_ready",
        "the plugin hasty answered segments_ready with 0 labels for 2 segments",
    ]


def test_segments_that_nobody_answers_for(loaded: installed.Plugins) -> None:
    for name, _ in list(installed.implementing("segments_ready")):
        loaded.unregister(name=name)
    loaded.register(Silent(), "silent")
    with pytest.raises(PluginError, match="no plugin answered for the segments of 'talk'"):
        calls.segments_ready("talk", "talk.wav", SEGMENTS)


@pytest.mark.parametrize("event", ["after_fill", "after_identify"])
def test_no_built_in_plugin_has_an_event(event: str) -> None:
    """So that none is imported for one, unless another plugin is there."""
    assert getattr(installed.builtin().hook, event).get_hookimpls() == []


@pytest.mark.parametrize(
    ("wanted", "nothing_else"), [("", True), (",", True), ("absent", False), (None, True)]
)
def test_whether_only_built_in_plugins_are_there(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None, nothing_else: bool
) -> None:
    installed.manager.cache_clear()
    if wanted is None:
        monkeypatch.delenv("PGVOICE_PLUGINS")
        nothing_else = not installed.installed()
    else:
        monkeypatch.setenv("PGVOICE_PLUGINS", wanted)
    assert installed.only_builtin() is nothing_else
    monkeypatch.setenv("PGVOICE_PLUGINS", "")
    assert installed.manager()
    assert not installed.only_builtin()
