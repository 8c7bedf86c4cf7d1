"""The server restarts, is killed, crashes or ends connections while a fill runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.encoders.disturbing_encoder import DisturbedEncoder
from pgvoice_testkit.servers.own_server import OwnServer, own_server
from pgvoice_testkit.stores.exact_rows import Bits, all_bits

from pgvoice.hooks import fill
from pgvoice.hooks.fill import recovery
from pgvoice.store import SegmentKey, VoiceStore
from pgvoice.store.errors import ConnectionLost, DatabaseUnreachable

SEGMENTS = [(float(n), n + 1.0) for n in range(10)]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as running:
        yield running


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("audio") / "talk.wav", voice(110, 5), voice(220, 5, 1))


@pytest.fixture(scope="module")
def undisturbed(server: OwnServer, wav: Path) -> dict[SegmentKey, Bits]:
    with VoiceStore.open(server.url) as store:
        fill(store, CountingEncoder(), video="undisturbed", audio=wav, segments=SEGMENTS)
        return _rows(store, "undisturbed")


def _rows(store: VoiceStore, video: str) -> dict[SegmentKey, Bits]:
    keys = [SegmentKey(round(start * 1000), round(end * 1000)) for start, end in SEGMENTS]
    return all_bits(store.recordings.read(video, CountingEncoder().identity, keys))


@pytest.mark.parametrize(
    ("what", "at"),
    [
        ("restart", 4),
        ("kill_and_start", 4),
        ("crash", 4),
        ("terminate", 0),
        ("terminate", 4),
        ("terminate", 9),
    ],
)
def test_the_fill_goes_on(
    server: OwnServer, wav: Path, undisturbed: dict[SegmentKey, Bits], what: str, at: int
) -> None:
    video = f"{what} {at}"
    encoder = DisturbedEncoder(getattr(server, what), at)
    with VoiceStore.open(server.url) as store:
        report = fill(store, encoder, video=video, audio=wav, segments=SEGMENTS)
        assert _rows(store, video) == undisturbed
        assert not any(check.problems for check in store.upkeep.verify())
    assert (report.run.requested, report.run.hits, report.run.filled) == (10, 0, 10)
    assert len(encoder.calls) == 10


def test_the_lock_alone_is_lost(
    server: OwnServer, wav: Path, undisturbed: dict[SegmentKey, Bits]
) -> None:
    encoder = DisturbedEncoder(lambda: server.terminate("%pgvoice.lock%"), 3)
    with VoiceStore.open(server.url) as store:
        fill(store, encoder, video="lock", audio=wav, segments=SEGMENTS)
        assert _rows(store, "lock") == undisturbed
    assert len(encoder.calls) == 10


def test_another_fill_takes_over_where_the_lock_was_lost(
    server: OwnServer, wav: Path, undisturbed: dict[SegmentKey, Bits]
) -> None:
    others = CountingEncoder()

    def take_over() -> None:
        server.terminate("%pgvoice.lock%")
        with VoiceStore.open(server.url) as other:
            fill(other, others, video="taken over", audio=wav, segments=SEGMENTS)

    encoder = DisturbedEncoder(take_over, 3)
    with VoiceStore.open(server.url) as store:
        report = fill(store, encoder, video="taken over", audio=wav, segments=SEGMENTS)
        assert _rows(store, "taken over") == undisturbed
        assert not any(check.problems for check in store.upkeep.verify())
    assert (len(encoder.calls), sum(others.calls)) == (4, 7)
    assert report.run.hits + report.run.filled == 10


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_stays_away_is_named_and_the_next_call_goes_on(
    server: OwnServer,
    wav: Path,
    undisturbed: dict[SegmentKey, Bits],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "RETRY_SECONDS", (0.0, 0.0))
    with VoiceStore.open(server.url) as store:
        encoder = DisturbedEncoder(getattr(server, how), 6)
        with pytest.raises((ConnectionLost, DatabaseUnreachable)) as caught:
            fill(store, encoder, video=how, audio=wav, segments=SEGMENTS)
        assert "\n" not in str(caught.value)
        server.start()
        assert len(_rows(store, how)) == 6
        again = CountingEncoder()
        fill(store, again, video=how, audio=wav, segments=SEGMENTS)
        assert sum(again.calls) == 4
        assert _rows(store, how) == undisturbed


def test_connections_that_died_while_nobody_used_them_are_replaced(server: OwnServer) -> None:
    with VoiceStore.open(server.url) as store:
        assert store.upkeep.verify()
        server.terminate()
        assert store.upkeep.verify()
