"""``pgvoice voices review``: listens to one unknown voice after the other, a line each."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

from pgvoice.cli import output
from pgvoice.cli.options import open_store
from pgvoice.cli.voices.naming import told
from pgvoice.cli.voices.telling import voice, write_act
from pgvoice.hooks.errors import AudioError, NotPlayable
from pgvoice.hooks.listening.clips import heard_clips
from pgvoice.hooks.listening.players import Player, find_player
from pgvoice.store.errors import PgvoiceError
from pgvoice.store.voice_store import VoiceStore
from pgvoice.store.voices.naming import Change
from pgvoice.store.voices.unknown import UnknownVoice

KEYS = """\
a name     this is who speaks        n   not the person suggested
Enter      accept the suggestion     d   dismiss: nobody to name (d tv)
p          play again                s   skip
u          undo the last answer      q   quit"""


@click.command(
    epilog="""\b
Examples: pgvoice voices review
          pgvoice voices review --consent "form of 3 May"
          pgvoice voices review --silent"""
)
@click.option(
    "--consent",
    metavar="TEXT",
    help="Where the consent of those who are named is documented.",
)
@click.option("--silent", is_flag=True, help="Play nothing.")
@open_store
def review(store: VoiceStore, consent: str | None, silent: bool) -> None:
    """Name unknown voices one after the other.

    Plays a clip of each, those that speak most first, and reads one line: a name, or one of a few
    keys, which are shown first. Everything can be undone.
    """
    found = store.voices.unknown()
    if not found:
        click.echo("no unknown voice to name")
        return
    click.echo(KEYS)
    session = _Review(store, consent, None if silent else _player())
    session.run([each.number for each in found])
    click.echo(f"\n{output.counted(len(session.acts), 'answer')}")


def _player() -> Player | None:
    try:
        return find_player()
    except NotPlayable as error:
        click.echo(f"Warning: {error}", err=True)
        return None


@dataclass
class _Review:
    """One session; `acts` are those that were not undone, with the voice of each."""

    store: VoiceStore
    consent: str | None
    player: Player | None
    acts: list[tuple[int, int]] = field(default_factory=list)

    def run(self, numbers: list[int]) -> None:
        """Ask about each of these voices, as long as it is unknown, until the person quits."""
        place = 0
        while 0 <= place < len(numbers):
            current = {each.number: each for each in self.store.voices.unknown()}
            asked = current.get(numbers[place])
            if asked is None:
                place += 1
                continue
            self._show(asked)
            step = self._answer(asked)
            if step is None:
                return
            place = numbers.index(step) if step in numbers and step != asked.number else place + 1

    def _show(self, asked: UnknownVoice) -> None:
        click.echo(
            f"\n{voice(asked.number)}: {output.clock(asked.seconds)} in"
            f" {output.counted(asked.recordings, 'recording')}, last in"
            f" {output.printable(asked.last_video)}"
        )
        self._play(asked.number)

    def _play(self, number: int) -> None:
        if self.player is None:
            return
        try:
            self.player.play(next(heard_clips(self.store, self.store.voices.clips(number))))
        except (AudioError, NotPlayable) as error:
            click.echo(f"Warning: {error}", err=True)

    def _answer(self, asked: UnknownVoice) -> int | None:
        """The number to go on from, which is another voice's after an undo; None to quit."""
        maybe = asked.nearest if asked.suggested else None
        prompt = f"Who is this? [{maybe}?]" if maybe else "Who is this?"
        while True:
            said = click.prompt(output.printable(prompt), default="", show_default=False).strip()
            try:
                if said == "q":
                    return None
                if said == "p":
                    self._play(asked.number)
                elif said == "u":
                    if (undone := self._undo()) is not None:
                        return undone
                elif said == "s" or self._act(asked, said):
                    return asked.number
            except PgvoiceError as error:
                click.echo(f"Error: {error}", err=True)

    def _act(self, asked: UnknownVoice, said: str) -> bool:
        """Do what a line says; whether that answers the question."""
        number, voices = asked.number, self.store.voices
        word, _, rest = said.partition(" ")
        if not said:
            if not asked.suggested:
                return True
            named = voices.accept(number)
            self._did(number, told(named), named)
        elif said == "n":
            self._did(number, f"not {asked.nearest}", voices.reject(number))
            return False
        elif word == "d":
            why = rest.strip() or "nobody"
            self._did(number, f"dismissed as {why}", voices.dismiss(number, why))
        else:
            named = voices.name(number, said, consent=self.consent)
            self._did(number, told(named), named)
        return True

    def _did(self, number: int, text: str, change: Change) -> None:
        write_act(text, change)
        if change.act is not None:
            self.acts.append((number, change.act))

    def _undo(self) -> int | None:
        """The voice that the last answer was about."""
        if not self.acts:
            click.echo("nothing to undo in this review")
            return None
        number, act = self.acts[-1]
        self.store.acts.undo(act)
        self.acts.pop()
        click.echo(f"act {act} undone")
        return number
