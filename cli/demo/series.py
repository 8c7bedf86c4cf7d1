"""``pgvoice demo --series``: from unknown voices to names, and back, by pgvoice's own commands."""

from __future__ import annotations

import json
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import click

from pgvoice.cli import output
from pgvoice.cli.demo.episodes import Episode, make_episodes
from pgvoice.cli.demo.sample import CREDIT
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.identify import identify
from pgvoice.store.database import embedded
from pgvoice.store.database.urls import libpq_url
from pgvoice.store.upkeep.store_copy import TableSum
from pgvoice.store.voice_store import VoiceStore

ENCODER = "campplus"
INTRODUCTION = """\
Four episodes of a series, 12 turns of four people, made of the sample of
pyannote.audio (MIT License). Nobody is enrolled. Each episode sounds different
(telephone, noise, a room) and has labels of its own, as a diarizer gives them.
Two of the people are the voice of another one at another speed."""
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
        shown.tell(INTRODUCTION)
        self._fill(device, folder)
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
        same = _as_sums(before) == _as_sums(self.store.upkeep.checksums())
        shown.tell(
            "\nThe store is as it was before: all checksums are equal."
            if same
            else "\nTHE STORE IS NOT AS IT WAS BEFORE: please report this."
        )
        self._end(folder, linked, score, same)

    def _fill(self, device: str | None, folder: Path) -> None:
        encoder = make_encoder(ENCODER, device=device)
        computed = 0
        files = folder / "episodes"
        files.mkdir()
        with output.waiting("computing embeddings"):
            for each in self.episodes:
                audio, _ = each.save(files)
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
            answers = identify(self.store, episode.name)
            for answer in answers.labels:
                known = NAMES.get(episode.people[str(answer.segment.label)])
                counts[_judged(answer.speaker, known)] += 1
        return counts

    def _end(
        self, folder: Path, linked: dict[str, list[int]], score: Counter[str], same: bool
    ) -> None:
        if self.shown.as_json:
            output.write_json(
                {
                    "folder": folder,
                    "credit": CREDIT,
                    "steps": self.shown.steps,
                    "voices_of_people": linked,
                    "turns": dict(score),
                    "undone_exactly": same,
                }
            )
            return
        unset = "env -u PGVOICE_DATABASE_URL " if os.environ.get("PGVOICE_DATABASE_URL") else ""
        number = linked[next(iter(NAMES))][0]
        click.echo("\nLook further:")
        for command in (f"voices play {number}", "voices review"):
            click.echo(f"  {unset}PGVOICE_DATA={shlex.quote(str(folder))} pgvoice {command}")
        click.echo("Delete the demo's data:\n  pgvoice demo --series --remove")


#: How a turn is labelled.
RIGHT, WRONG, UNNAMED, MISSED = "right", "wrong", "rightly_unnamed", "missed"


def _judged(name: str | None, known: str | None) -> str:
    """How a turn is labelled; `known` is who speaks, None for a person without a name."""
    if name is None:
        return MISSED if known else UNNAMED
    return RIGHT if name == known else WRONG


def _counts(score: Counter[str]) -> str:
    return (
        f"{score[RIGHT]} with the right name, {score[WRONG]} with a wrong one, {score[MISSED]}"
        f" missed;\n{score[UNNAMED]} of people without a name have none"
    )


def _told(linked: dict[str, list[int]]) -> str:
    voices = sum(len(numbers) for numbers in linked.values())
    if all(len(numbers) == 1 for numbers in linked.values()):
        return f"{len(linked)} people, {voices} voices: each person is one voice, by the reference."
    return f"{len(linked)} people by the reference, {voices} voices."


def _as_sums(sums: Iterable[TableSum]) -> dict[str, str]:
    """The checksum of each table but those that record what people do."""
    return {
        each.table: each.checksum for each in sums if not each.table.startswith(("act", "audit_"))
    }
