"""What an act on a voice did, in a sentence with numbers."""

from __future__ import annotations

from pgvoice.cli.output import counted
from pgvoice.cli.serve.site import lasting
from pgvoice.store.labels.runs import LabelMove
from pgvoice.store.voices.naming import Change, Naming


def naming(done: Naming) -> str:
    """As in ``41 min in 12 recordings are Ada now; 37 labels changed``."""
    gained = [each for each in done.moves if each.to_speaker == done.speaker]
    labels = sum(each.segments for each in done.moves if each.from_speaker != each.to_speaker)
    if gained:
        told = (
            f"{lasting(sum(each.seconds for each in gained))} in"
            f" {counted(_recordings(gained), 'recording')} are {done.speaker} now"
        )
    else:
        told = f"Voice {done.number} is {done.speaker} now"
    return f"{told}; {counted(labels, 'label')} changed.{_left_out(done.left_out)}"


def _recordings(moves: list[LabelMove]) -> int:
    """How many recordings labels changed in; at least, if a change names only 20 of more."""
    named = {video for each in moves for video in each.videos}
    return max(len(named), *(each.video_count for each in moves))


def _left_out(count: int) -> str:
    if not count:
        return ""
    them = (
        "does not sound enough like the others, and stays"
        if count == 1
        else ("do not sound enough like the others, and stay")
    )
    return f" {counted(count, 'appearance')} {them} unknown."


def dismissal(done: Change, why: str) -> str:
    """As in ``Voice 12 is dismissed as tv, with 3 appearances``."""
    return f"Voice {done.number} is dismissed as {why}, with {counted(done.voices, 'appearance')}."


def rejection(done: Change, speaker: str) -> str:
    """As in ``Voice 12 is not Ada``."""
    return f"Voice {done.number} is not {speaker}."


def joining(done: Change, other: int) -> str:
    """As in ``Voice 17 is voice 12 now, with 9 appearances``."""
    return f"Voice {other} is voice {done.number} now, with {counted(done.voices, 'appearance')}."


def parting(done: Change, video: str) -> str:
    """As in ``Voice 12 is somebody else in talk``."""
    return f"Voice {done.number} is somebody else in {video}."
