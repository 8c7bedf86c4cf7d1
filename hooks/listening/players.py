"""``Player``: the program of this machine that plays a clip."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass

from pgvoice.hooks.errors import NotPlayable
from pgvoice.hooks.listening.clips import HeardClip, as_file

#: A command that plays the file whose path follows.
PLAYER_VARIABLE = "PGVOICE_PLAYER"
#: Programs that play a WAV file without a window, and end when it is over.
PLAYERS = (
    "ffplay -nodisp -autoexit -loglevel error",
    "mpv --no-video --really-quiet",
    "play -q",
    "afplay",
    "pw-play",
    "paplay",
    "aplay -q",
)
_ELSE = "or save the clip: `pgvoice voices clip`"


@dataclass(frozen=True, slots=True)
class Player:
    """A command to play files with; the file's path follows its words."""

    command: tuple[str, ...]

    def play(self, heard: HeardClip) -> None:
        """Play a clip to its end. Raises `NotPlayable`."""
        with as_file(heard) as path:
            command = [*self.command, str(path)]
            try:
                done = subprocess.run(  # noqa: S603 - what the user set, or a name from PLAYERS
                    command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
                )
            except OSError as error:
                raise NotPlayable(
                    f"{self.command[0]!r} does not start ({error.strerror}): set {PLAYER_VARIABLE}"
                    f" to another player, {_ELSE}"
                ) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            reason = said[-1] if said else f"exit code {done.returncode}"
            raise NotPlayable(
                f"{self.command[0]!r} cannot play here ({reason}): set {PLAYER_VARIABLE} to another"
                f" player, {_ELSE}"
            )


def find_player() -> Player:
    """The player that PGVOICE_PLAYER names, or the first that is installed.

    Raises `NotPlayable`.
    """
    if setting := os.environ.get(PLAYER_VARIABLE):
        try:
            words = shlex.split(setting)
        except ValueError as error:
            raise NotPlayable(f"{PLAYER_VARIABLE} is {setting!r}: {error}") from error
        if not words or shutil.which(words[0]) is None:
            raise NotPlayable(
                f"{PLAYER_VARIABLE} is {setting!r}, and there is no such program: correct it,"
                f" {_ELSE}"
            )
        return Player(tuple(words))
    for command in PLAYERS:
        if shutil.which(command.split()[0]):
            return Player(tuple(command.split()))
    names = ", ".join(command.split()[0] for command in PLAYERS)
    raise NotPlayable(
        f"no player is installed (looked for {names}): install one, set {PLAYER_VARIABLE} to a"
        f" command that plays a file, {_ELSE}"
    )
