"""``pgvoice demo --series``: from unknown voices to names, and back, by pgvoice's own commands."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from pgvoice.cli import output
from pgvoice.cli.commands import loaded
from pgvoice.cli.demo.episodes import Episode, make_episodes
from pgvoice.cli.demo.sample import CREDIT
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.fill.fill import fill
from pgvoice.store.database import embedded
from pgvoice.store.database.urls import libpq_url
from pgvoice.store.voice_store import VoiceStore

ENCODER = "campplus"
#: Whom the demo names, and as what.
NAMES = {"speaker90": "Ada", "speaker91": "Bob"}


def save(folder: Path) -> None:
    """Write the episodes and their turns to a folder."""
    for episode in make_episodes():
        for path in episode.save(folder):
            click.echo(f"{output.printable(str(path))}: made of {CREDIT}")


def play(folder: Path, device: str | None, as_json: bool) -> None:
    """Link, name and undo in a new store in this folder, and show how."""
    episodes = make_episodes()
    if embedded.exists(folder):
        embedded.remove(folder)
    with (
        output.waiting("creating a database"),
        VoiceStore.open(folder=folder, consent=False) as store,
    ):
        _Series(store, episodes, _Shown(store, as_json)).run(device, folder)


@dataclass
class _Shown:
    """Runs commands of pgvoice on the store, and shows them as on a terminal, or as JSON."""

    store: VoiceStore
    as_json: bool
    document: dict[str, object] = field(default_factory=dict)
    steps: list[dict[str, object]] = field(default_factory=list)

    def tell(self, text: str) -> None:
        if not self.as_json:
            click.echo(text)

    def run(self, *words: str) -> None:
        """Run a command; of its output, a JSON document is kept."""
        shown = shlex.join(["pgvoice", *words])
        root = click.get_current_context().find_root().command
        url = libpq_url(self.store.database.url)
        if not self.as_json:
            click.echo(f"\n$ {shown}")
            root.main([*words, "--url", url], "pgvoice", standalone_mode=False)
            return
        with redirect_stdout(StringIO()) as written:
            root.main([*words, "--url", url, "--json"], "pgvoice", standalone_mode=False)
        self.steps.append({"command": shown, "output": json.loads(written.getvalue())})


@dataclass
class _Series:
    """One demonstration."""

    store: VoiceStore
    episodes: Sequence[Episode]
    shown: _Shown

    def run(self, device: str | None, folder: Path) -> None:
        shown = self.shown
        people = {person for each in self.episodes for person in each.people.values()}
        turns = sum(len(each.turns) for each in self.episodes)
        shown.tell(
            f"{len(self.episodes)} episodes of a series with {turns} turns of {len(people)} people,"
            f" made of {CREDIT}.\nEach sounds different (telephone, noise, a room), each has labels"
            " of its own, and\nnobody is enrolled. Two of the people are another one's voice at"
            " another speed."
        )
        self._fill(device)
        shown.tell("\n1. Link the voices of the episodes. That is off until it is enabled.")
        shown.run("voices", "enable")
        shown.run("voices")
        linked = self._numbers()
        shown.tell(f"\n{_told(linked)}")
        before = self.store.upkeep.checksums()

        shown.tell("\n2. Listen to a voice (pgvoice voices play), and name it once.")
        for person, name in NAMES.items():
            number = linked[person][0]
            if person == next(iter(NAMES)):
                shown.run("voices", "show", str(number))
            shown.run("voices", "name", str(number), name)
        shown.tell("\n3. The whole series is labelled. Who has no name yet keeps a number.")
        shown.run("identify", self.episodes[0].name, "--voices")
        score = self._score()
        shown.tell(f"\nAll {sum(score.values())} turns: {_counts(score)}.")

        shown.tell("\n4. Everything can be undone.")
        shown.run("acts")
        for _ in NAMES:
            shown.run("undo")
        shown.run("voices")
        same = _without_acts(before) == _without_acts(self.store.upkeep.checksums())
        shown.tell(
            "\nThe store is as it was before: all checksums are equal."
            if same
            else "\nTHE STORE IS NOT AS IT WAS BEFORE: please report this."
        )
        self._end(folder, linked, score, same)

    def _fill(self, device: str | None) -> None:
        encoder = make_encoder(ENCODER, device=device)
        computed = 0
        with TemporaryDirectory() as temporary, output.waiting("computing embeddings"):
            for each in self.episodes:
                audio, _ = each.save(Path(temporary))
                turns = each.turns
                done = fill(self.store, encoder, video=each.name, audio=audio, segments=turns)
                computed += done.run.filled
        self.shown.tell(f"\n{output.counted(computed, 'embedding')} computed.")

    def _numbers(self) -> dict[str, list[int]]:
        """The unknown voices of each person, by the reference; a voice belongs to its majority."""
        labels = {each.name: each.people for each in self.episodes}
        found: dict[str, list[int]] = {}
        for each in self.store.voices.unknown():
            heard = self.store.voices.show(each.number)
            people = Counter(labels[one.video][one.label] for one in heard)
            found.setdefault(people.most_common(1)[0][0], []).append(each.number)
        return found

    def _score(self) -> Counter[str]:
        """How often the stored labels are right, wrong, or rightly or not no name."""
        counts: Counter[str] = Counter()
        for episode in self.episodes:
            answers = {each.key: each.speaker for each in self.store.labels.current(episode.name)}
            keys = self._keys(episode)
            for key, turn in zip(keys, episode.turns, strict=True):
                counts[_judged(answers.get(key), NAMES.get(episode.people[str(turn.label)]))] += 1
        return counts
