"""Why a turn has a name or none, in words."""

from __future__ import annotations

from pgvoice.store.answers.identify import Identification

#: Sentences for reasons that need no numbers; others are shown as they are.
_WORDS = {
    "matched": "sounds like it",
    "by_cluster": "named by other turns of the label",
    "overlapped": "others speak at the same time",
    "other_label": "the name belongs to another label",
    "no_profiles": "nobody is enrolled",
    "missing": "not filled yet",
    "pinned": "a person said so",
    "nobody": "a person said: nobody known",
    "removed": "the person was removed",
    "too_short": "too short for a vector",
    "silent": "silent",
    "out_of_range": "not inside the audio",
    "non_finite": "the encoder gave no vector",
    "erased": "this speech was erased",
    "invalid": "not a span of time",
    "unlabelled": "not labelled yet",
}


def similarity(value: float | None) -> str:
    """A similarity with two digits; empty for None."""
    return "" if value is None else f"{value:.2f}"


def in_words(answer: Identification) -> str:
    """The reason of an answer, with the numbers that it rests on."""
    reached, needed = similarity(answer.similarity), similarity(answer.threshold)
    below = f"{reached}, needs {needed}" if needed else reached
    if answer.reason == "below_threshold":
        return f"below the threshold: {_to(answer.nearest)}{below}"
    if answer.reason == "suggested":
        return f"just below the threshold: {_to(answer.nearest)}{below}"
    if answer.reason == "ambiguous" and answer.nearest and answer.runner_up:
        second = similarity(answer.runner_up_similarity)
        return f"ambiguous: {answer.nearest} {reached}, {answer.runner_up} {second}".rstrip()
    return _WORDS.get(answer.reason, answer.reason.replace("_", " "))


def _to(nearest: str | None) -> str:
    return f"{nearest} " if nearest else ""
