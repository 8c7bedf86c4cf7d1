"""Real voices, the whole way: right names, a stranger left alone, and clusters never worse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pgvoice_testkit.audio.diarized_recordings import (
    ALL_AS_ONE,
    AS_SPOKEN,
    Reference,
    errors,
    podcast_of_five,
    sample,
)
from pgvoice_testkit.audio.podcast import ENROLLED, STRANGER, fill_turns, identified
from pgvoice_testkit.servers.databases import new_database, plain

from pgvoice.hooks import make_encoder
from pgvoice.hooks.errors import NotEvaluable
from pgvoice.hooks.evaluate.evaluate import evaluate
from pgvoice.store import VoiceStore


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture(scope="module")
def conversation(library: VoiceStore) -> Reference:
    return sample(library, make_encoder("campplus"))


@pytest.fixture(scope="module")
def podcast(library: VoiceStore, conversation: Reference, speech: Path) -> Reference:
    """After the conversation, so that in it only its own two are enrolled."""
    return podcast_of_five(library, make_encoder("campplus"), speech)


def test_the_podcast_is_named_right_and_the_stranger_never(
    library: VoiceStore, podcast: Reference, speech: Path
) -> None:
    assert len(podcast.turns) == 46
    judged = identified(library, speech)
    assert sum(turn.right for turn in judged) / len(judged) >= 0.95
    named = {turn.answer.speaker for turn in judged if turn.reference.label == STRANGER}
    assert named == {None}
    second = fill_turns(library, make_encoder("campplus"), speech)
    assert (second.missing, second.encoder_calls, second.decoded) == (0, 0, False)


@pytest.mark.parametrize("threshold", [None, 0.2, 0.6, 0.7])
@pytest.mark.parametrize("recording", ["conversation", "podcast"])
def test_clusters_never_have_a_higher_error_rate(
    library: VoiceStore, request: pytest.FixtureRequest, recording: str, threshold: float | None
) -> None:
    alone, clusters = errors(library, request.getfixturevalue(recording), threshold)
    for clustering, found in clusters.items():
        assert found.der <= alone.der, clustering
        assert found.ier <= alone.ier, clustering


def test_in_clusters_the_short_turns_have_names_too(
    library: VoiceStore, conversation: Reference
) -> None:
    alone, clusters = errors(library, conversation)
    assert clusters[AS_SPOKEN].der < alone.der < 0.1
    assert clusters[ALL_AS_ONE].der == alone.der


def test_clusters_are_those_of_the_references_turns(
    library: VoiceStore, conversation: Reference
) -> None:
    turns = {conversation.video: conversation.turns}
    labels = conversation.clusters(AS_SPOKEN)
    with pytest.raises(NotEvaluable, match="clusters of the reference's turns, for every"):
        evaluate(library, turns, clusters={conversation.video: labels}, segments="stored")
    with pytest.raises(NotEvaluable, match="clusters of the reference's turns, for every"):
        evaluate(library, turns, clusters={"another": labels})


#: What a diarizer makes of the five: itself, two or three people as one, one person as two.
CLUSTERINGS = {
    "as spoken": {},
    "two as one": {"1688": "2414"},
    "a stranger with one": {"533": "2414"},
    "three as one": {"1688": "2414", "533": "2414"},
    "all as one": dict.fromkeys((*ENROLLED, STRANGER), "2414"),
}


@pytest.mark.parametrize("clustering", [*CLUSTERINGS, "each as two"])
def test_clusters_are_never_less_right(
    library: VoiceStore, podcast: Reference, clustering: str
) -> None:
    turns = podcast.turns
    spans = [(turn.start, turn.end) for turn in turns]
    labels = [
        f"{turn.label}-{place % 2}"
        if clustering == "each as two"
        else CLUSTERINGS[clustering].get(str(turn.label), turn.label)
        for place, turn in enumerate(turns)
    ]
    truth = [turn.label if turn.label in ENROLLED else None for turn in turns]
    # A threshold too high for many segments alone: the evidence of several has to do it.
    for threshold in (None, 0.6, 0.7):
        alone = library.answers.identify(podcast.video, spans, threshold=threshold)
        found = library.answers.identify_clusters(podcast.video, spans, labels, threshold=threshold)
        before = [answer.speaker == who for answer, who in zip(alone, truth, strict=True)]
        names = [each.identification.speaker for each in found]
        after = [name == who for name, who in zip(names, truth, strict=True)]
        assert sum(after) >= sum(before)
        strangers = [name for name, who in zip(names, truth, strict=True) if who is None]
        assert strangers == [None] * len(strangers)
