"""A library in which people did everything that there is to do, before it changes its encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile

from pgvoice.hooks import Recording as File
from pgvoice.hooks import enroll_recordings, fill
from pgvoice.store import VoiceStore
from pgvoice_testkit.encoders.tone_encoder import RATE, ToneEncoder, tone
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.switching.recordings import (
    HOSTS,
    ONCE,
    RECURRING,
    Recording,
    name,
    write_all,
    write_alone,
    write_resembling,
)

#: The encoder that a library begins with.
OLD = "first"
CONSENT = "form of 3 May"
#: Who is enrolled from files of their own, besides or instead of recordings.
FROM_FILES, FROM_BOTH = HOSTS[12:18], HOSTS[10:14]
#: Who is in the library in a special way; nothing else is done to these.
WITHDRAWN, OPTED_OUT, ERASED = HOSTS[17], HOSTS[18], HOSTS[19]
MERGED, SPLIT, OUTLIER = HOSTS[0], HOSTS[1], HOSTS[2]


@dataclass(frozen=True, slots=True)
class Library:
    """A library in a folder, and what is known about it."""

    folder: Path
    recordings: list[Recording]
    #: Recordings whose file is gone, and those whose file is another one now.
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    #: People of whom an exemplar's own file is gone.
    lost: tuple[str, ...]

    def where(self, person: int) -> list[Recording]:
        """The recordings with turns in which somebody speaks."""
        return [each for each in self.recordings if each.has_turns and each.label(person)]


def write(folder: Path, number: int = 200) -> Library:
    """The files of a library; the same each time."""
    recordings = write_all(folder, number)
    for person in {*FROM_FILES, *FROM_BOTH}:
        write_alone(folder, person)
    with_turns = [each.video for each in recordings if each.has_turns]
    return Library(
        folder, recordings, tuple(with_turns[3::20]), tuple(with_turns[9::50]), (name(16),)
    )


def make(
    store: VoiceStore, library: Library, encoder: ToneEncoder, *, calibrated: bool = False
) -> None:
    """Fill a new store with the encoder, and do what people do.

    The library's own thresholds decide, or calibrated ones.
    """
    store.privacy.require_consent()
    for each in library.recordings:
        fill(
            store,
            encoder,
            video=each.video,
            audio=each.path,
            segments=each.turns,
            on_turns="replace" if each.has_turns else "ignore",
            source=f"{each.video}.rttm",
        )
    _enroll(store, library, encoder)
    store.voices.enable()
    store.labels.label()
    _decide_about_voices(store, library)
    _say_who_speaks(store, library)
    _change_people(store, library)
    store.thresholds.refresh()
    if calibrated:
        known = {each.video: each.named for each in library.recordings if each.has_turns}
        assert store.thresholds.calibrate(0.2, labels=known).active
    store.labels.label()
    store.index.build()
    _lose_files(library)


@contextmanager
def made(
    server_url: str, template: str, library: Library, *, calibrated: bool = False
) -> Iterator[str]:
    """The name of a database to copy, with this library."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            make(store, library, ToneEncoder(OLD), calibrated=calibrated)
        assert url.database is not None
        yield url.database


def voice_of(store: VoiceStore, library: Library, person: int) -> int:
    """The number of the unknown voice that somebody is, in the most recordings."""
    heard = [
        voice.voice
        for each in library.where(person)
        for voice in store.voices.of_segments(each.video)
        if voice.label == each.label(person) and voice.voice is not None
    ]
    return max(set(heard), key=heard.count)


def _enroll(store: VoiceStore, library: Library, encoder: ToneEncoder) -> None:
    """Enroll people from recordings, from files, and from both; one with a stranger's speech."""
    for person in HOSTS:
        if person not in FROM_FILES or person in FROM_BOTH:
            for each in library.where(person)[:2]:
                label = str(each.label(person))
                store.people.enroll_segments(
                    name(person), each.video, labels=[label], consent=CONSENT, force=True
                )
        if person in {*FROM_FILES, *FROM_BOTH}:
            path = library.folder / f"{name(person)}.wav"
            enroll_recordings(store, encoder, name(person), [File(path)], consent=CONSENT)
    path = write_resembling(library.folder, RECURRING[9], ONCE[-1])
    enroll_recordings(store, encoder, "somebody alike", [File(path)], consent=CONSENT)
    stranger = library.where(RECURRING[0])[0]
    span = stranger.spans(RECURRING[0])[0]
    store.people.enroll_segments(name(OUTLIER), stranger.video, [span], force=True)
    assert store.people.drop_outliers(name(OUTLIER))


def _decide_about_voices(store: VoiceStore, library: Library) -> None:
    """Name, dismiss, part, join and part unknown voices."""
    numbers = {person: voice_of(store, library, person) for person in RECURRING[1:8]}
    first, second, tv, one, other, parted, again = numbers.values()
    store.voices.name(first, name(RECURRING[1]), consent=CONSENT)
    with store.on_behalf_of("Alice"):
        store.voices.name(second, name(RECURRING[2]), consent=CONSENT)
    store.voices.dismiss(tv, "tv")
    store.voices.same(one, other)
    store.voices.different(parted, library.where(RECURRING[6])[-1].video)
    store.voices.dismiss(again, "music")
    store.acts.undo()


def _say_who_speaks(store: VoiceStore, library: Library) -> None:
    """Pins of segments and labels: is, is not, and nobody who is enrolled."""
    people = [*HOSTS[3:9]]
    for place, person in enumerate(people):
        *_, last = library.where(person)
        store.labels.pin(last.video, last.spans(person)[0], name(person))
        store.labels.pin(last.video, last.spans(person)[1], name(people[place - 1]), holds=False)
    for person in RECURRING[8:12]:
        first, *_ = library.where(person)
        store.labels.pin_label(first.video, str(first.label(person)), None)
    wrong = library.where(HOSTS[9])[-1]
    store.labels.pin(wrong.video, wrong.spans(HOSTS[9])[-1], name(HOSTS[3]))
    bare = next(each for each in library.recordings if not each.has_turns)
    store.labels.pin(bare.video, bare.spans(bare.said[0].person)[0], name(bare.said[0].person))


def _change_people(store: VoiceStore, library: Library) -> None:
    """Merge, split and rename people; end consents, opt out and erase."""
    for_merge = library.where(MERGED)[2]
    store.people.enroll_segments(
        "somebody", for_merge.video, labels=[str(for_merge.label(MERGED))], consent=CONSENT,
        force=True,
    )  # fmt: skip
    store.people.merge("somebody", name(MERGED), force=True)
    second = library.where(SPLIT)[1]
    store.people.split(name(SPLIT), "half of it", videos=[second.video], consent=CONSENT)
    store.people.rename(name(HOSTS[4]), "Zoë O'Neill; --")
    exemplars = store.people.exemplars(name(HOSTS[5]))
    store.people.drop(name(HOSTS[5]), exemplars[-1].number)
    store.privacy.withdraw_consent(name(WITHDRAWN))
    store.privacy.erase_speaker(name(OPTED_OUT), with_segments=False, opt_out_voice=True)
    store.privacy.erase_speaker(name(ERASED), with_segments=True)


def _lose_files(library: Library) -> None:
    """Delete some files, and write something else into others."""
    for each in library.recordings:
        if each.video in library.gone:
            each.path.unlink()
        elif each.video in library.changed:
            soundfile.write(each.path, tone(HOSTS[0], 20, 1), RATE, subtype="PCM_16")
    for person in library.lost:
        (library.folder / f"{person}.wav").unlink()
