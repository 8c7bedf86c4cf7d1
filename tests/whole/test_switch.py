"""A library changes its encoder and returns: people lose nothing, and labels change as shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.switching import belongings, library, story
from pgvoice_testkit.stores.switching.answers import answers, default_answers
from pgvoice_testkit.stores.switching.library import OLD, Library
from pgvoice_testkit.stores.switching.sql_answers import (
    ACTS,
    OF_SWITCH,
    QUESTIONS,
    WITHOUT_VECTORS,
    acts,
)
from pgvoice_testkit.stores.switching.story import NEW, TWIN, Story, differing, new_encoder
from sqlalchemy import Connection, text

from pgvoice.hooks.switch.switch import switch_encoder
from pgvoice.store import ActNotUndoable, VoiceStore


@dataclass(frozen=True)
class Size:
    """How large a library is, and how closely it is looked at."""

    recordings: int
    every: int
    #: Whether its thresholds are measured ones.
    calibrated: bool = False


EVERY_DAY = pytest.param(Size(45, every=15), id="45 recordings")
SLOW = [
    pytest.param(Size(200, every=1), marks=pytest.mark.slow, id="200 recordings"),
    pytest.param(Size(200, 1, calibrated=True), marks=pytest.mark.slow, id="200, calibrated"),
]
FLIPPED = {"flipped", "forward", "forward again"}


@dataclass(frozen=True)
class Made:
    """A library, and the database that copies of it are made of."""

    library: Library
    database: str
    every: int


@pytest.fixture(scope="module", params=[EVERY_DAY, *SLOW])
def made(
    request: pytest.FixtureRequest,
    server_url: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Made]:
    size: Size = request.param
    files = library.write(tmp_path_factory.mktemp("library"), size.recordings)
    with library.made(server_url, template, files, calibrated=size.calibrated) as database:
        yield Made(files, database, size.every)


@pytest.fixture(scope="module")
def told(server_url: str, made: Made) -> Iterator[Story]:
    """The whole story of one switch."""
    with (
        new_database(server_url, made.database) as url,
        VoiceStore.open(plain(url)) as store,
    ):
        yield story.tell(store, made.library, every=made.every)


@pytest.fixture
def copy(server_url: str, made: Made) -> Iterator[VoiceStore]:
    """A copy of the library before any switch."""
    with (
        new_database(server_url, made.database) as url,
        VoiceStore.open(plain(url)) as store,
    ):
        yield store


def test_what_belongs_to_people_stays(told: Story) -> None:
    before = told.looks["before"].of_people
    assert all(before.values())
    for step, look in told.looks.items():
        assert not differing(before, look.of_people), step
        assert belongings.digests(before) == belongings.digests(look.of_people)


def test_what_the_first_encoder_has_stays(told: Story) -> None:
    for step, look in told.looks.items():
        assert not differing(told.looks["before"].of_old, look.of_old), step


def test_until_the_flip_and_after_the_way_back_everything_is_answered_as_before(
    told: Story,
) -> None:
    before = told.looks["before"]
    for step in told.looks.keys() - FLIPPED:
        assert not differing(before.default, told.looks[step].default), step
        assert before.names == told.looks[step].names


def test_both_encoders_answer_all_the_time(told: Story) -> None:
    first, prepared = told.looks["before"].named[OLD], told.looks["prepared"].named[NEW]
    for step in told.reports:
        old, new = (told.looks[step].named[name] for name in (OLD, NEW))
        assert not differing(first, old), step
        assert not differing(prepared, new, without_fit), step
    assert all(first[name] != prepared[name] for name in COMPARING)


#: Some of the answers that compare vectors, so that they differ between encoders.
COMPARING = (
    "answers.appearances", "answers.identify", "answers.identify_clusters", "answers.similar",
    "labels.current", "people.quality", "thresholds.required", "thresholds.scores", "voices.card",
    "voices.queue", "voices.show", "sql exemplar_trials", "sql identify", "sql review_queue",
    "sql score_histogram", "sql segment_trials", "sql similar_segments", "sql similar_voices",
    "sql speaker_segments", "sql unknown_voices", "sql voice_people",
)  # fmt: skip


def without_fit(answer: str) -> str:
    """An answer without when the thresholds were fitted, as each preparation does that again."""
    return re.sub(r"fitted_at=.*?\)\)", "", answer)


def test_after_the_flip_the_new_encoder_answers(told: Story) -> None:
    for step in told.looks.keys() & FLIPPED:
        look = told.looks[step]
        assert not differing(
            look.named[NEW], {each: look.default[each] for each in look.named[NEW]}
        )


def test_labels_change_as_the_report_says(told: Story) -> None:
    """Segment by segment: the moves that are shown are those that there are."""
    shown = Counter[story.Move]()
    for move in told.reports["flipped"].moves:
        old = None if move.from_reason is None else story.Name(move.from_speaker, move.from_reason)
        new = None if move.to_reason in WITHOUT else story.Name(move.to_speaker, move.to_reason)
        shown[story.Move(old, new)] += move.segments
    found = story.moves(told.looks["prepared"].names, told.looks["flipped"].names)
    assert {move: len(segments) for move, segments in found.items()} == dict(shown)
    assert found
    lacking = {
        video
        for move, segments in found.items()
        if move.new is None and move.old != story.Name(None, "erased")
        for video, _ in segments
    }
    assert lacking == {each.video for each in told.reports["flipped"].failed}


#: Reasons for which a segment has no label of the new encoder.
WITHOUT = {"missing", "not labelled"}


def test_the_same_labels_are_shown_again_after_the_way_back(told: Story) -> None:
    found = story.moves(told.looks["flipped"].names, told.looks["back"].names)
    assert sum(move.segments for move in told.reports["back"].moves) == sum(
        map(len, found.values())
    )


def test_what_the_new_encoder_lacks_is_listed(told: Story) -> None:
    report, files = told.reports["prepared"], told.library
    assert {each.video for each in report.failed} == {*files.gone, *files.changed}
    missing = Counter(each.source for each in report.missing)
    for person in files.lost:
        assert missing[str(files.folder / f"{person}.wav")]
    absent = {*files.gone, *files.changed, *(str(files.folder / f"{p}.wav") for p in files.lost)}
    assert set(missing) <= absent
    assert report.filled == len(files.recordings) - len(report.failed)
    assert not told.reports["back"].failed
    assert not told.reports["back"].missing


def test_nothing_is_computed_twice_and_no_file_needed_again(told: Story) -> None:
    encoded, first = dict(told.encoded), told.reports["prepared"]
    assert encoded.pop("prepared") >= first.vectors > 0
    assert set(encoded.values()) == {0}
    for step in encoded:
        again = told.reports[step]
        assert (again.filled, again.vectors, again.carried, again.computed) == (0, 0, 0, 0)
        if step in FLIPPED:
            assert again.complete == first.complete + first.filled
            assert {each.video for each in again.failed} == {each.video for each in first.failed}
            assert [each.number for each in again.missing] == [e.number for e in first.missing]


def test_the_store_is_sound(told: Story) -> None:
    trail = told.looks["before"].trail
    for step, look in told.looks.items():
        assert not look.problems, step
        assert not look.different_twins, step
        assert look.trail[: len(trail)] == trail


@pytest.mark.slow
def test_acts_are_undone_as_without_a_switch(server_url: str, made: Made, copy: VoiceStore) -> None:
    """All acts, the newest first: what people said, and labels, are as without a switch.

    Unknown voices may be others, as the new encoder links those whose names are undone.
    """
    switch_encoder(copy, new_encoder(NEW))
    with (
        new_database(server_url, made.database) as url,
        VoiceStore.open(plain(url)) as unswitched,
    ):
        assert _undo_everything(unswitched) == _undo_everything(copy) > 0
        assert not belongings.problems(copy)
        assert not belongings.different_twins(copy)
        old = new_encoder(OLD).identity
        assert story.names(unswitched, old) == story.names(copy, old)
        switch_encoder(copy, new_encoder(OLD))
        one, other = (belongings.of_people(each) for each in (unswitched, copy))
        kinds = one.keys() - OF_ACTS
        before, after = ({kind: rows[kind] for kind in kinds} for rows in (one, other))
        assert not differing(before, after, _timeless)
    assert not belongings.problems(copy)


#: What an undo writes besides what it restores, with its time.
OF_ACTS = {"acts", "what acts changed", "unknown voices", "voices of unknown voices"}


def _undo_everything(store: VoiceStore) -> int:
    undone = 0
    while True:
        try:
            store.acts.undo()
        except ActNotUndoable:
            return undone
        undone += 1


#: Numbers of runs, and times as Python and Postgres write them.
_VOLATILE = re.compile(r"run=\d+|datetime\.datetime\([^()]*\([^()]*\)\)|\d{4}-\d\d-\d\d [\d:.+]+")


def _timeless(text: str) -> str:
    """A text without the numbers of runs, and without times."""
    without_runs = re.sub(r"run=\d+", "", text)
    return re.sub(
        r"datetime\.datetime\([^()]*\([^()]*\)\)|\d{4}-\d\d-\d\d [\d:.+]+", "", without_runs
    )


@pytest.mark.parametrize("name", [TWIN, pytest.param(NEW, marks=pytest.mark.slow)])
def test_an_encoder_is_dropped(copy: VoiceStore, made: Made, name: str) -> None:
    switch_encoder(copy, new_encoder(name))
    before = _answered(copy, made)
    copy.encoders.drop(OLD, force=True)
    assert not differing(before, _answered(copy, made))
    assert not belongings.problems(copy)


def _answered(store: VoiceStore, made: Made) -> dict[str, list[str]]:
    """What the default encoder answers."""
    asked = answers(store, made.library.recordings, every=made.every)
    return asked | default_answers(store)


@pytest.mark.slow
@pytest.mark.parametrize("name", [TWIN, NEW])
def test_acts_change_the_same_with_and_without_another_encoder(copy: VoiceStore, name: str) -> None:
    before = acts(copy)
    switch_encoder(copy, new_encoder(name), flip=False)
    assert not differing(before, acts(copy))


def test_every_function_is_asked(server_connection: Connection) -> None:
    listed = {*QUESTIONS, *ACTS, *OF_SWITCH, *WITHOUT_VECTORS}
    assert listed == set(server_connection.scalars(PUBLIC))


PUBLIC = text(
    "SELECT CAST(proname AS text) FROM pg_proc WHERE pronamespace = 'pgvoice'::regnamespace"
    " AND prorettype <> 'trigger'::regtype"
)
