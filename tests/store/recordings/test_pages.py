"""Long lists come in pages: joined, they are the whole list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from pgvoice_testkit.stores import unknown_voices
from pgvoice_testkit.stores.voices import PEOPLE, talk

from pgvoice.store import VoiceStore

#: By name, how a list is read: all of it, or so many after others.
SKIPPING: dict[str, Callable[[VoiceStore, int | None, int], Sequence[object]]] = {
    "turns": lambda store, limit, skip: store.recordings.turns("one", limit=limit, skip=skip) or [],
    "coverage": lambda store, limit, skip: store.recordings.coverage(limit=limit, skip=skip),
    "labels": lambda store, limit, skip: store.labels.current("one", limit=limit, skip=skip),
    "speaker time": lambda store, limit, skip: store.labels.speaker_time(limit=limit, skip=skip),
    "exemplars": lambda store, limit, skip: store.people.exemplars(
        PEOPLE[0], limit=limit, skip=skip
    ),
    "consents": lambda store, limit, skip: store.privacy.consents(limit=limit, skip=skip),
    "appearances": lambda store, limit, skip: store.answers.appearances(
        PEOPLE[0], limit=limit, skip=skip
    ),
}
#: The same for lists that go on from the last item.
KEYED: dict[str, Callable[[VoiceStore, int | None, int], Sequence[object]]] = {
    "acts": lambda store, limit, before: store.acts.list(limit=limit, before=before or None),
    "audit": lambda store, limit, before: store.privacy.audit(limit=limit, before=before or None),
    "runs": lambda store, limit, before: store.labels.runs(limit=limit, before=before or None),
}


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    for video, seed in (("one", 1), ("two", 2), ("three", 3)):
        turns = talk(store, video, PEOPLE[:2], seed=seed)
        for person in PEOPLE[:2]:
            spans = [(turn.start, turn.end) for turn in turns if turn.label == person]
            store.people.enroll_segments(
                person, video, spans[-1:], consent=f"{unknown_voices.CONSENT}, {video}", force=True
            )
        store.labels.label([video])
    return store


def test_joined_pages_are_the_whole_list(library: VoiceStore) -> None:
    for what, read in SKIPPING.items():
        whole = list(read(library, None, 0))
        assert len(whole) > 1, what
        pages = [read(library, 2, skip) for skip in range(0, len(whole) + 1, 2)]
        assert [item for page in pages for item in page] == whole, what


def test_a_list_goes_on_from_its_last_item(library: VoiceStore) -> None:
    for what, read in KEYED.items():
        whole = list(read(library, None, 0))
        assert len(whole) > 1, what
        number = int(getattr(whole[0], "number", 0) or getattr(whole[0], "id", 0))
        assert [*read(library, 1, 0), *read(library, None, number)] == whole, what


def test_recordings_go_on_after_a_key(library: VoiceStore) -> None:
    videos = library.recordings.videos()
    first = library.recordings.videos(limit=1)
    assert first + library.recordings.videos(after=first[0].video) == videos
    assert [library.recordings.video(each.video) for each in videos] == videos
