"""A person's word comes before what a voice sounds like, wherever it is asked who speaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from pgvoice_testkit.stores.filled import ENCODER, X, Y, Z, put, unit
from sqlalchemy import Connection, text

from pgvoice.store import Identification, Turn, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

Span = tuple[float, float]
#: Like ann, more than like bob, and like both.
ANN, BOTH = unit(3, 1, 0), unit(1, 1, 0.1)


@pytest.fixture
def enrolled(store: VoiceStore) -> VoiceStore:
    """Ann is X, bob is Y, cyd is Z; zoe is a name without a profile."""
    put(store, "w", {(0, 5): X, (5, 10): Y, (10, 15): Z})
    for number, name in enumerate(("ann", "bob", "cyd")):
        store.people.enroll_segments(name, "w", [(number * 5, number * 5 + 5)])
    with store.database.engine.begin() as connection:
        connection.execute(text("INSERT INTO pgvoice.speaker (name) VALUES ('zoe')"))
    return store


def _say(
    connection: Connection, video: str, spans: Sequence[Span], holds: bool, name: str | None
) -> None:
    ranges = ", ".join(f"[{round(start * 1000)}, {round(end * 1000)})" for start, end in spans)
    connection.execute(
        text(
            "SELECT pgvoice_internal.keep_word(v.id, CAST(:spans AS int4multirange), :holds,"
            " (SELECT s.id FROM pgvoice.speaker s WHERE s.name = :name), NULL)"
            " FROM pgvoice.video v WHERE v.key = :video"
        ),
        {"video": video, "spans": f"{{{ranges}}}", "holds": holds, "name": name},
    )


Word = tuple[bool, str | None]


@pytest.mark.parametrize(
    ("voice", "words", "reason", "speaker", "nearest", "runner_up"),
    [
        (ANN, [], "matched", "ann", "ann", "bob"),
        (ANN, [(True, "bob")], "pinned", "bob", "ann", "bob"),
        (ANN, [(True, "zoe")], "pinned", "zoe", "ann", "bob"),
        (ANN, [(True, None)], "nobody", None, "ann", "bob"),
        (ANN, [(False, "ann")], "below_threshold", None, "bob", "cyd"),
        (ANN, [(False, "ann"), (False, "bob")], "below_threshold", None, "cyd", None),
        (ANN, [(False, "bob")], "matched", "ann", "ann", "cyd"),
        (ANN, [(False, n) for n in ("ann", "bob", "cyd")], "no_profiles", None, None, None),
        (ANN, [(False, "ann"), (True, "ann")], "pinned", "ann", "ann", "bob"),
        (BOTH, [], "ambiguous", None, "ann", "bob"),
        (BOTH, [(False, "ann")], "matched", "bob", "bob", "cyd"),
        ("too_short", [(True, "bob")], "pinned", "bob", None, None),
        ("too_short", [(False, "bob")], "too_short", None, None, None),
        (None, [(True, "zoe")], "pinned", "zoe", None, None),
        (None, [(False, "ann")], "missing", None, None, None),
    ],
)
def test_what_a_person_said_comes_first(
    enrolled: VoiceStore,
    voice: Embedding | str | None,
    words: list[Word],
    reason: str,
    speaker: str | None,
    nearest: str | None,
    runner_up: str | None,
) -> None:
    put(enrolled, "v", {} if voice is None else {(0, 4): voice})
    enrolled.recordings.store_turns("v", [Turn(0, 4, "A")])
    with enrolled.database.engine.begin() as connection:
        for holds, name in words:
            _say(connection, "v", [(0, 4)], holds, name)
    (answer,) = enrolled.answers.identify("v")
    assert (answer.reason, answer.speaker) == (reason, speaker)
    assert (answer.nearest, answer.runner_up) == (nearest, runner_up)
    (chosen,) = enrolled.answers.identify("v", speakers=["cyd"])
    assert (chosen.speaker == speaker) == (reason == "pinned" or speaker is None)


#: A cluster: ann, somewhat like her, ann twice, and too short for a vector.
CLUSTER: dict[Span, Embedding | str] = {
    (0, 4): unit(0.8, 0.1, -0.59),
    (4, 8): unit(0.45, 0.1, -0.88),
    (8, 12): unit(0.82, 0.05, -0.57),
    (12, 22): unit(0.9, 0.1, -0.42),
    (22, 22.3): "too_short",
}


def _clusters(store: VoiceStore, spans: Iterable[Span], threshold: float) -> list[Identification]:
    asked = list(spans)
    found = store.answers.identify_clusters("v", asked, ["A"] * len(asked), threshold=threshold)
    return [each.identification for each in found]


@pytest.mark.parametrize(
    ("spans", "word", "names"),
    [
        ([], None, ["ann", "ann", "ann", "ann", "ann"]),
        ([(22, 22.3)], (False, "ann"), ["ann", "ann", "ann", "ann", None]),
        ([(4, 8)], (False, "ann"), ["ann", None, "ann", "ann", "ann"]),
        ([(0, 22.3)], (False, "ann"), [None] * 5),
        ([(4, 8)], (True, "bob"), ["ann", "bob", "ann", "ann", None]),
        ([(4, 8)], (True, "ann"), ["ann", "ann", "ann", "ann", "ann"]),
        ([(4, 8)], (True, None), ["ann", None, "ann", "ann", "ann"]),
        ([(0, 22.3)], (True, "zoe"), ["zoe"] * 5),
    ],
)
def test_clusters_obey_too(
    enrolled: VoiceStore, spans: list[Span], word: Word | None, names: list[str | None]
) -> None:
    put(enrolled, "v", CLUSTER)
    enrolled.recordings.store_turns("v", [Turn(*span, "A") for span in CLUSTER])
    with enrolled.database.engine.begin() as connection:
        if word is not None:
            _say(connection, "v", spans, *word)
    found = _clusters(enrolled, CLUSTER, 0.5)
    assert [each.speaker for each in found] == names
    enrolled.labels.label(threshold=0.5)
    kept = {label.key: label for label in enrolled.labels.current("v")}
    assert [(kept[each.key].speaker, kept[each.key].reason) for each in found] == [
        (each.speaker, "below_threshold" if each.reason == "suggested" else each.reason)
        for each in found
    ]


def test_pinned_speech_is_evidence_for_the_rest_of_its_cluster(enrolled: VoiceStore) -> None:
    """Nobody is named in the cluster until a person names most of it."""
    spans: dict[Span, Embedding | str] = {
        (0, 8): unit(0.66, 0.6, -0.45),
        (8, 16): unit(0.66, -0.6, -0.45),
        (16, 19): unit(0.66, 0.65, -0.35),
        (20, 20.3): "too_short",
    }
    put(enrolled, "v", spans)
    enrolled.recordings.store_turns("v", [Turn(*span, "A") for span in spans])
    assert {each.speaker for each in _clusters(enrolled, spans, 0.68)} == {None}
    with enrolled.database.engine.begin() as connection:
        _say(connection, "v", [(0, 16)], True, "ann")
    found = _clusters(enrolled, spans, 0.68)
    assert [each.speaker for each in found] == ["ann", "ann", None, "ann"]
    assert [each.reason for each in found][1::2] == ["pinned", "by_cluster"]


NAMES = ("ann", "bob", "cyd", "zoe")


def test_one_answer_everywhere(enrolled: VoiceStore) -> None:
    """identify, the whole library's labels, those of one recording, and where somebody speaks."""
    noise = np.random.default_rng(5)
    videos = [f"v{number}" for number in range(12)]
    for video in videos:
        _fill(enrolled, video, noise)
    enrolled.labels.label(clusters=False)
    heard = {
        (place.video, place.key): (name, place.similarity, place.runner_up)
        for name in NAMES
        for place in enrolled.answers.appearances(name)
    }
    reasons = set()
    for video in videos:
        answers = enrolled.answers.identify(video)
        reasons |= {each.reason for each in answers}
        kept = {one.key: one for one in enrolled.labels.current(video)}
        assert set(kept) == {each.key for each in answers}
        for each in answers:
            label = kept[each.key]
            reason = "below_threshold" if each.reason == "suggested" else each.reason
            assert (label.speaker, label.reason) == (each.speaker, reason)
            assert (label.similarity, label.runner_up) == (each.similarity, each.runner_up)
            if each.speaker is None:
                assert (video, each.key) not in heard
            else:
                name, similarity, runner_up = heard[video, each.key]
                assert name == each.speaker
                if each.nearest == name:
                    assert (similarity, runner_up) == (each.similarity, each.runner_up)
                else:
                    assert (similarity is None) == (name == "zoe")
                    assert runner_up == each.nearest
        assert enrolled.labels.label([video], clusters=False, dry_run=True).changed == 0
    assert {"matched", "pinned", "nobody", "ambiguous", "below_threshold", "overlapped"} <= reasons


def _fill(store: VoiceStore, video: str, noise: np.random.Generator) -> None:
    """Store turns, vectors of them and their clean parts, and words on some spans."""
    put(store, video, {})
    starts = np.sort(noise.choice(100, 14, replace=False))
    turns = [
        Turn(float(start), float(start + noise.integers(1, 12)), noise.choice(["A", "B", "C"]))
        for start in starts
    ]
    store.recordings.store_turns(video, turns)
    with store.database.engine.begin() as connection:
        spans = connection.execute(
            text(
                "SELECT DISTINCT s.start_ms, s.end_ms FROM pgvoice.video AS v, LATERAL (SELECT"
                " start_ms, end_ms FROM pgvoice.turn WHERE video_id = v.id UNION SELECT start_ms,"
                " end_ms FROM pgvoice.clean_part WHERE video_id = v.id) AS s WHERE v.key = :video"
            ),
            {"video": video},
        ).all()
        for _ in range(noise.integers(8)):
            start, length = float(noise.integers(100)), float(noise.integers(1, 20))
            holds = bool(noise.integers(2))
            names = (*NAMES, None) if holds else NAMES
            name = names[noise.integers(len(names))]
            _say(connection, video, [(start, start + length)], holds, name)
    voices = [X, Y, Z, BOTH, ANN, unit(3, 1, 2)]
    rows: dict[Span, Embedding | str] = {
        (start / 1000, end / 1000): voices[noise.integers(len(voices))] for start, end in spans
    }
    put(store, video, rows, ENCODER)
