"""Switches a library of real speech and back, checks what must hold, and measures both encoders."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pgvoice_testkit.stores.switching import belongings, story

from pgvoice.hooks import Encoder
from pgvoice.hooks.switch.report import SwitchReport
from pgvoice.hooks.switch.switch import StepName, Tell, switch_encoder
from pgvoice.store import EncoderIdentity, VoiceStore
from pgvoice_benchmarks.switching.real_library import Episode


@dataclass(slots=True)
class Steps:
    """How many seconds each step of a switch takes."""

    seconds: dict[StepName, float] = field(default_factory=dict)

    @contextmanager
    def watch(self, name: StepName) -> Iterator[Tell]:
        began = time.monotonic()
        yield lambda _done, _total: None
        self.seconds[name] = time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of seconds: those of enrolled people with the right name, and of others with one."""

    dir: float
    far: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a switch to another encoder and back showed."""

    preparing: Steps
    returning: Steps
    prepared: SwitchReport
    there: SwitchReport
    back: SwitchReport
    #: By the name of the encoder: with the thresholds that apply, and with ones that are measured
    #: on all turns for an FAR of 1 %.
    rates: dict[str, Rates]
    calibrated: dict[str, Rates]
    #: How many labels there are, and how many changed.
    labels: int
    changed: int


def switch_and_return(
    store: VoiceStore, episodes: list[Episode], old: Encoder, new: Encoder
) -> Measured:
    """Raises `AssertionError` if anything that must not change did."""
    people, rows = belongings.of_people(store), belongings.of_encoder(store, old.identity)
    before = story.names(store)
    preparing, returning = Steps(), Steps()
    first = switch_encoder(store, new, flip=False, watch=preparing.watch)
    assert first.is_complete, (first.failed, first.missing)
    _check(store, people, rows, old.identity)
    assert story.names(store) == before, "labels changed before the flip"
    there = switch_encoder(store, new)
    after = story.names(store)
    _check(store, people, rows, old.identity)
    changed = sum(map(len, story.moves(before, after).values()))
    assert changed == sum(move.segments for move in there.moves), "other labels than shown changed"
    rates = {
        encoder.identity.name: _rates(store, episodes, encoder.identity) for encoder in (old, new)
    }
    calibrated = {each.identity.name: _calibrated(store, episodes, each) for each in (old, new)}
    back = switch_encoder(store, old, watch=returning.watch)
    assert story.names(store) == before, "the way back did not restore the labels"
    _check(store, people, rows, old.identity)
    return Measured(
        preparing, returning, first, there, back, rates, calibrated, len(before), changed
    )


def _check(
    store: VoiceStore, people: belongings.Rows, rows: belongings.Rows, old: EncoderIdentity
) -> None:
    differences = story.differing(people, belongings.of_people(store))
    assert not differences, differences
    differences = story.differing(rows, belongings.of_encoder(store, old))
    assert not differences, differences
    assert not belongings.problems(store)
    assert not belongings.different_twins(store)


def _rates(store: VoiceStore, episodes: Iterable[Episode], encoder: EncoderIdentity) -> Rates:
    """Of all labels of an encoder, without those that a person said."""
    enrolled = {each.speaker for each in store.people.speakers()}
    seconds = defaultdict[tuple[bool, bool], float](float)
    for each in episodes:
        said = {round(spoken.turn.start, 1): spoken.person for spoken in each.spoken}
        for label in store.labels.current(each.video, encoder=encoder):
            person = said[round(label.start, 1)]
            if not label.pinned:
                right = label.speaker == person if person in enrolled else bool(label.speaker)
                seconds[person in enrolled, right] += label.end - label.start
    return Rates(*(_share(seconds, known) for known in (True, False)))


def _calibrated(store: VoiceStore, episodes: Iterable[Episode], encoder: Encoder) -> Rates:
    known = {
        each.video: [replace(one.turn, label=one.person) for one in each.spoken]
        for each in episodes
    }
    found = store.thresholds.calibrate(
        0.01, labels=known, encoder=encoder.identity, dry_run=True
    ).figures
    return Rates(found.dir, found.far)


def _share(seconds: Mapping[tuple[bool, bool], float], known: bool) -> float:
    return seconds[known, True] / (seconds[known, True] + seconds[known, False])


def rows(found: Measured, row: Callable[..., None]) -> None:
    """The rows of a table: what, and the figure."""
    for name, took in found.preparing.seconds.items():
        row(f"{name}, seconds", f"{took:.1f}")
    row("all steps of the way back, seconds", f"{sum(found.returning.seconds.values()):.1f}")
    row("vectors computed, exemplars carried and computed, voices linked",
        f"{found.prepared.vectors}, {found.prepared.carried}, {found.prepared.computed}, "
        f"{found.prepared.voices}")  # fmt: skip
    row("labels that change", f"{found.changed} of {found.labels}"
        f" ({100 * found.changed / found.labels:.1f} %)")  # fmt: skip
    for judged in (found.there.old, found.there.new):
        rates, calibrated = (each[judged.encoder.name] for each in (found.rates, found.calibrated))
        confirmed = judged.confirmed
        bands = ", ".join(f"{band.threshold:.2f}" for band in judged.thresholds.bands)
        row(f"{judged.encoder.name}: thresholds", f"{bands} ({judged.thresholds.kind})")
        for how, each in (("", rates), (" with calibrated ones", calibrated)):
            row(f"{judged.encoder.name}: DIR, FAR{how}",
                f"{100 * each.dir:.1f} %, {100 * each.far:.1f} %")  # fmt: skip
        row(f"{judged.encoder.name}: confirmed speech with the right name, of denied with it",
            f"{confirmed.right:.0f} of {confirmed.seconds:.0f} s,"
            f" {confirmed.denied_named:.0f} of {confirmed.denied:.0f} s")  # fmt: skip
