"""Random acts and undos on the recordings of `unknown_voices`, and what has to be as before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from pgvoice.store import ActNotUndoable, PgvoiceError, VoiceStore
from pgvoice_testkit.stores.unknown_voices import RECORDINGS, label

NAMES = ("ann", "bob", "cyd", "dan")
#: Acts and the trail of audits are kept; the others follow from other rows, and are computed when
#: labels are judged the next time.
KEPT = ("act", "act_change", "audit_event", "audit_head", "audit_link")
DERIVED = ("nearest", "compared_profile")
#: What fills and label runs link anew, without an act; that stays.
LINKS = ("unknown_voice", "linked_voice")
Sums = dict[str, tuple[int, str]]
Item = TypeVar("Item")


class Step(NamedTuple):
    """An operation by its name, and numbers that choose what it is done to."""

    what: str
    one: int
    other: int


def sums(store: VoiceStore) -> Sums:
    """Rows and checksum of each table that an undo of everything restores."""
    return {
        each.table: (each.rows, each.checksum)
        for each in store.upkeep.checksums()
        if each.table not in KEPT + DERIVED
    }


def problems(store: VoiceStore) -> list[str]:
    """What `pgvoice db verify` finds."""
    return [f"{each.what}: {each.example}" for each in store.upkeep.verify() if each.problems]


class Acting:
    """Does what steps say; what is not possible is refused, and changes nothing."""

    def __init__(self, store: VoiceStore) -> None:
        self._store = store
        #: The sums before each act that is not undone, by its number; None once an older act is
        #: undone.
        self.before: dict[int, Sums | None] = {}
        #: Whether voices were linked by what is no act.
        self.relinked = False
        #: How many acts were done, undone, and refused to be undone.
        self.done = self.undone = self.refused = 0

    def take(self, step: Step) -> None:
        """Do what a step says, and check what an undo restored."""
        if step.what == "undo":
            self._undo(None)
        elif step.what == "undo any":
            numbers = [act.number for act in self._store.acts.list() if act.undone_at is None]
            self._undo(chosen([*numbers, None], step.one))
        else:
            self._act(step)

    def undo_everything(self) -> None:
        while self._undo(None):
            pass

    def _act(self, step: Step) -> None:
        before, last = sums(self._store), self._last()
        operation: Callable[[int, int], object] = getattr(self, "_" + step.what.replace(" ", "_"))
        try:
            operation(step.one, step.other)
        except (PgvoiceError, ValueError, LookupError):
            assert self._last() == last, f"{step} was refused"
        if (number := self._last()) != last:
            (act,) = self._store.acts.list(limit=1)
            # Labelling links what is new before its act begins.
            self.relinked |= bool(self._changed(before).intersection(LINKS).difference(act.changed))
            self.before[number] = before
            self.done += 1
        else:
            self.relinked |= bool(self._changed(before))
            assert not self.changed(before), f"{step} is no act"

    def _undo(self, number: int | None) -> bool:
        """Whether it was possible; what the newest act changed must be as before."""
        newest = max(self.before, default=None)
        try:
            found = self._store.acts.undo(number).number
        except ActNotUndoable:
            assert number is not None or newest is None
            self.refused += 1
            return False
        before = self.before.pop(found)
        self.undone += 1
        if found == newest and before is not None:
            changed = self.changed(before)
            assert not changed, f"undoing act {found} left {changed} different"
        self.before = {each: None if each > found else it for each, it in self.before.items()}
        return True

    def changed(self, before: Sums) -> set[str]:
        """The tables that are not as before, without links once something else made some."""
        links = {*LINKS, "unknown_voice_mean"} if self.relinked else set()
        return self._changed(before) - links

    def _changed(self, before: Sums) -> set[str]:
        return {table for table, each in sums(self._store).items() if before[table] != each}

    def _last(self) -> int:
        return max((act.number for act in self._store.acts.list(limit=1)), default=0)

    def _people(self) -> list[str]:
        return sorted({each.speaker for each in self._store.people.speakers()})

    def _enroll(self, one: int, other: int) -> None:
        video = chosen(list(RECORDINGS), other)
        labels = [label(one % len(RECORDINGS[video]))]
        self._store.people.enroll_segments(
            chosen(NAMES, one),
            video,
            labels=labels,
            consent=f"form {other}" if other % 2 else None,
            force=True,
        )

    def _consent(self, one: int, other: int) -> None:
        self._store.privacy.grant_consent(chosen(NAMES, one), f"form {other}")

    def _rename(self, one: int, other: int) -> None:
        self._store.people.rename(chosen(self._people(), one), chosen(NAMES, other))

    def _merge(self, one: int, other: int) -> None:
        people = self._people()
        self._store.people.merge(chosen(people, one), chosen(people, other), force=True)

    def _split(self, one: int, other: int) -> None:
        name = chosen(self._people(), one)
        exemplars = [each.number for each in self._store.people.exemplars(name)]
        self._store.people.split(
            name,
            chosen(NAMES, other),
            exemplars=[chosen(exemplars, other)] if other % 3 else [],
            videos=() if other % 3 else [chosen(list(RECORDINGS), one)],
            consent="form",
            force=True,
        )

    def _remove(self, one: int, _other: int) -> None:
        self._store.people.remove(chosen(self._people(), one))

    def _drop(self, one: int, other: int) -> None:
        name = chosen(self._people(), one)
        exemplars = [each.number for each in self._store.people.exemplars(name)]
        self._store.people.drop(name, chosen(exemplars, other))

    def _drop_outliers(self, one: int, _other: int) -> None:
        self._store.people.drop_outliers(chosen(self._people(), one))

    def _restore(self, one: int, _other: int) -> None:
        self._store.people.restore_exemplars(chosen(self._people(), one))

    def _label(self, one: int, other: int) -> None:
        videos = [chosen(list(RECORDINGS), one)] if other % 2 else None
        self._store.labels.label(videos)

    def _relabel(self, _one: int, _other: int) -> None:
        self._store.labels.relabel()

    def _revert(self, one: int, _other: int) -> None:
        self._store.labels.revert(chosen(self._store.labels.runs(), one).id)

    def _pin(self, one: int, other: int) -> None:
        video = chosen(list(RECORDINGS), other)
        keys = self._store.recordings.labelled(video, [label(0)])[0].segments
        name = chosen([*self._people(), None], one)
        self._store.labels.pin_segments(video, keys[: 1 + other % 3], name)

    def _unpin(self, one: int, _other: int) -> None:
        video = chosen(list(RECORDINGS), one)
        keys = self._store.recordings.labelled(video, [label(0)])[0].segments
        self._store.labels.unpin_segments(video, keys[:2])

    def _unknown(self) -> list[int]:
        return sorted(each.number for each in self._store.voices.unknown())

    def _name(self, one: int, other: int) -> None:
        number = chosen(self._unknown(), one)
        self._store.voices.name(number, chosen(NAMES, other), consent="form", force=True)

    def _dismiss(self, one: int, _other: int) -> None:
        self._store.voices.dismiss(chosen(self._unknown(), one), "tv")

    def _same(self, one: int, other: int) -> None:
        numbers = self._unknown()
        self._store.voices.same(chosen(numbers, one), chosen(numbers, other))

    def _different(self, one: int, other: int) -> None:
        number = chosen(self._unknown(), one)
        video = chosen(self._store.voices.show(number), other).video
        self._store.voices.different(number, video)

    def _accept(self, one: int, _other: int) -> None:
        self._store.voices.accept(chosen(self._store.voices.suggestions(), one).number)

    def _reject(self, one: int, _other: int) -> None:
        self._store.voices.reject(chosen(self._store.voices.suggestions(), one).number)


def chosen(listed: Sequence[Item], number: int) -> Item:
    """One of a list, by any number. Raises `LookupError` for an empty list."""
    if not listed:
        raise LookupError("nothing to choose from")
    return listed[number % len(listed)]
