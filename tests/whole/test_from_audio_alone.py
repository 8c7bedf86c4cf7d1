"""A folder of recordings and nothing else: ingested by one command, and named over HTTP."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from pgvoice_testkit.audio.named_series import SERIES, Said, turns_of
from pgvoice_testkit.audio.named_speech import Named, Shares, shares, who_speaks_most
from pgvoice_testkit.serving import client
from starlette.testclient import TestClient

from pgvoice.cli.checks.packages import missing_packages
from pgvoice.cli.demo.episodes import make_episodes
from pgvoice.cli.main import cli
from pgvoice.store import VoiceStore

API = "/api/v1"
FORM = "form 17"
INGEST = ("--link", "--encoder", "campplus", "--segmenter", "pyannote-3.0", "--json")
pytestmark = pytest.mark.skipif(bool(missing_packages("demo")), reason="needs pgvoice[demo]")


@dataclass(frozen=True)
class Naming:
    """Somebody who knows everybody by ear, and names them over HTTP."""

    browser: TestClient
    reference: list[Said]

    def name_everybody(self) -> None:
        """Each unknown voice, and after them the labels that belong to none."""
        while found := self._list("/voices"):
            number = found[0]["number"]
            parts = self._list(f"/voices/{number}/appearances")
            person = self._person({(part["video"], part["label"]) for part in parts})
            self._post(f"/voices/{number}/name", {"speaker": person})
        for video, label in self._unnamed():
            person = self._person({(video, label)})
            if person not in {each["speaker"] for each in self._list("/people")}:
                request = {"name": person, "video": video, "labels": [label], "min_speech": 0.4}
                self._post("/people/enroll", request)
        self._post("/labels/relabel", {})

    def labels(self) -> dict[str, list[Named]]:
        """Who speaks, by recording."""
        return {
            video: [
                Named(each["start"], each["end"], each["speaker"])
                for each in self._list("/labels", video=video)
            ]
            for video in {said.video for said in self.reference}
        }

    def _person(self, labels: set[tuple[str, str]]) -> str:
        """Who speaks most under these labels of recordings."""
        return who_speaks_most(
            self.reference,
            [
                (video, turn["start"], turn["end"])
                for video in {video for video, _ in labels}
                for turn in self._list("/turns", video=video)
                if (video, turn["label"]) in labels
            ],
        )

    def _unnamed(self) -> list[tuple[str, str]]:
        """Labels of recordings under which nobody is named."""
        named = {
            (video, each.start, each.end)
            for video, heard in self.labels().items()
            for each in heard
            if each.speaker
        }
        found: dict[tuple[str, str], bool] = {}
        for video in {said.video for said in self.reference}:
            for turn in self._list("/turns", video=video):
                key = (video, turn["label"])
                has_name = (video, turn["start"], turn["end"]) in named
                found[key] = found.get(key, False) or has_name
        return [key for key, has_name in found.items() if not has_name]

    def _list(self, path: str, **asked: str) -> list[dict[str, Any]]:
        answer = self.browser.get(API + path, params={"limit": 500, **asked})
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["next"] is None
        items: list[dict[str, Any]] = document["items"]
        return items

    def _post(self, path: str, request: dict[str, Any]) -> None:
        consented = {"consent": FORM} if path != "/labels/relabel" else {}
        answer = self.browser.post(API + path, json=request | consented)
        if answer.status_code == 409:  # Whoever knows better may say so.
            click.echo(f"{path} {request}: {answer.json()['detail']}")
            answer = self.browser.post(API + path, json=request | consented | {"force": True})
        assert answer.status_code == 200, answer.text


def _ingested(folder: Path, url: str, reference: list[Said]) -> Shares:
    """Ingest a folder of recordings, name everybody, and compare."""
    assert not list(folder.glob("*.rttm"))
    done = CliRunner().invoke(cli, ["ingest", str(folder), *INGEST, "--url", url])
    assert done.exit_code == 0, done.output
    with VoiceStore.open(url) as store:
        naming = Naming(client(store), reference)
        naming.name_everybody()
        found = shares(reference, naming.labels())
    click.echo(str(found))
    return found


@pytest.fixture
def episodes(tmp_path: Path) -> tuple[Path, list[Said]]:
    """The series that comes with a package, without its turns."""
    saved = CliRunner().invoke(cli, ["demo", "--series", "--save", str(tmp_path)])
    assert saved.exit_code == 0, saved.output
    for rttm in tmp_path.glob("*.rttm"):
        rttm.unlink()
    return tmp_path, [
        Said(each.name, turn.start, turn.end, each.people[str(turn.label)], str(turn.label))
        for each in make_episodes()
        for turn in each.turns
    ]


def test_the_packaged_series(episodes: tuple[Path, list[Said]], store_url: str) -> None:
    """Over the telephone of its second episode, two people sound like one."""
    folder, reference = episodes
    found = _ingested(folder, store_url, reference)
    assert found.right >= 0.9, found
    assert found.wrong <= 0.1, found


@pytest.mark.slow
def test_the_shared_series(speech: Path, tmp_path: Path, store_url: str) -> None:
    for recording in SERIES:
        shutil.copy(speech / f"{recording}.flac", tmp_path)
    found = _ingested(tmp_path, store_url, turns_of(speech))
    assert found.right >= 0.95, found
    assert max(found.wrong, found.wrong_moments) <= 0.01, found
