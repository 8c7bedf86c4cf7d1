"""An ingest that is killed at any place ends with the rows of one that was not."""

from __future__ import annotations

import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pgvoice_testkit.audio.sounds import silence, voice, write
from pgvoice_testkit.encoders.pitch_encoder import PitchEncoder
from pgvoice_testkit.processes.modules import command, environment
from pgvoice_testkit.segmenters.counting_segmenter import CountingSegmenter
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.ingested import everything

from pgvoice.hooks import fill
from pgvoice.hooks.ingest.engine import Here
from pgvoice.hooks.ingest.given import Given
from pgvoice.hooks.ingest.running import ingest
from pgvoice.store import VoiceStore

Samples = NDArray[np.float32]
#: The pitch of whom Ada talks to in each recording.
STRANGERS = (170, 310, 170)
#: Twenty more, with one kill each, or two.
SLOW = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 22)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings without segments, in which one stranger recurs, and a silent one."""
    folder = tmp_path_factory.mktemp("library")
    for number in range(len(STRANGERS)):
        ada = [voice(110, 3, seed) for seed in range(number, number + 3)]
        other = voice(STRANGERS[number], 3, number)
        write(folder / f"{number}.wav", *_apart(ada[0], other, ada[1], other, ada[2]))
    write(folder / "silent.wav", silence(3))
    write(folder / ".ada.wav", voice(110, 4, 9))
    return folder


def _apart(*parts: Samples) -> list[Samples]:
    return [each for part in parts for each in (part, silence(1))]


class _Killed:
    """A store whose ingests are killed."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder

    def run(self, statement: int = 0) -> int | None:
        """Ingest; dies before a statement, and returns None, or how many statements there were."""
        arguments = (self._url, str(statement), str(self._folder))
        ran = subprocess.run(
            command("pgvoice_testkit.processes.ingest_process", *arguments),
            env=environment(),
            capture_output=True,
            text=True,
        )
        if ran.returncode == -signal.SIGKILL:
            return None
        assert ran.returncode == 0, ran.stderr
        return int(ran.stdout)


def _prepared(url: str, folder: Path) -> None:
    """Ada is enrolled, and voices of others are linked."""
    with VoiceStore.open(url) as store:
        sample = folder / ".ada.wav"
        fill(store, PitchEncoder(), video="ada", audio=sample, segments=[(0.0, 4.0, "A")])
        store.people.enroll_segments("Ada", "ada", [(0.0, 4.0)], min_speech=1)
        store.voices.enable()


@pytest.fixture(scope="module")
def undisturbed(server_url: str, template: str, folder: Path) -> tuple[int, dict[str, list[str]]]:
    """How many statements an ingest has, and the rows that it ends with."""
    with new_database(server_url, template) as url:
        _prepared(plain(url), folder)
        statements = _Killed(plain(url), folder).run()
        with VoiceStore.open(plain(url)) as store:
            rows = everything(store)
    assert statements
    assert all(rows.values()), rows
    return statements, rows


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 22))]
)
def test_a_killed_ingest_ends_with_the_same_rows(
    store_url: str, folder: Path, undisturbed: tuple[int, dict[str, list[str]]], seed: int
) -> None:
    statements, rows = undisturbed
    places, killed = random.Random(seed), _Killed(store_url, folder)
    _prepared(store_url, folder)
    # The second try goes on where the first was killed, so that it has fewer statements.
    assert killed.run(places.randrange(1, statements + 1)) is None
    killed.run(places.randrange(1, 1 + statements // 2))
    killed.run()
    with VoiceStore.open(store_url) as store:
        assert everything(store) == rows
        segmenter, encoder = CountingSegmenter(), PitchEncoder()
        again = ingest(Here(store, lambda: encoder, lambda: segmenter), "killed", Given([folder]))
        assert (again.complete, again.filled) == (len(STRANGERS) + 1, 0)
        assert (segmenter.calls, encoder.calls, encoder.loads) == (0, [], 0)
        assert everything(store) == rows


def test_a_worker_ends_with_its_driver() -> None:
    driver = subprocess.Popen(
        command("pgvoice_testkit.processes.worker_process"),
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    assert int(driver.stdout.readline()) > 0
    driver.kill()
    # The worker has it open as long as it runs.
    assert not driver.communicate(timeout=60)[0]
