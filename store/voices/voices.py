"""``VoiceStore.voices``: unknown voices, linked across recordings, and naming them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from pgvoice.store.database import locks
from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import refused_values
from pgvoice.store.errors import LinkingDisabled
from pgvoice.store.names import checked
from pgvoice.store.privacy import consents
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings import videos as stored_videos
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.voices import heard, linking, naming, reviewing, unknown
from pgvoice.store.voices.heard import SegmentVoice
from pgvoice.store.voices.linking import Linking, LinkingSettings, Progress
from pgvoice.store.voices.naming import Change, Naming
from pgvoice.store.voices.reviewing import QueuedVoice, QueueSize, VoiceCard
from pgvoice.store.voices.unknown import Clip, UnknownVoice, VoiceAppearance, VoiceSuggestion


class Voices:
    """Unknown voices: find, hear and name them; each call is a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def settings(self) -> LinkingSettings:
        """Whether voices are linked in this store, and how."""
        with self._database.engine.connect() as connection:
            return linking.settings(connection)

    def enable(
        self,
        *,
        days: int | None = None,
        rate: float | None = None,
        progress: Progress | None = None,
    ) -> Linking:
        """Link voices from now on, and those that are stored already, in several transactions.

        `rate` is the share of voices that may be linked with somebody else's, and `days` when an
        unknown voice expires; None leaves what is set. Raises `ValueError` if one is out of range.
        """
        with refused_values(), self._database.engine.begin() as connection:
            linking.configure(connection, enabled=True, rate=rate, days=days)
        return self.link(progress=progress)

    def disable(self) -> int:
        """Stop linking, and delete all unknown voices; returns how many there were.

        What a person said about them is deleted, too; named people and their labels stay.
        """
        with self._database.engine.begin() as connection:
            return linking.configure(connection, enabled=False)

    def link(
        self,
        videos: Iterable[str] | None = None,
        *,
        encoder: WhichEncoder = None,
        progress: Progress | None = None,
    ) -> Linking:
        """Link the voices of these videos, or of all, that are not linked yet.

        Fills and `labels.label` do this by themselves. The default encoder links, and the others
        follow. Raises `LinkingDisabled`, `UnknownVideo`, `UnknownEncoder`.
        """
        keys = None if videos is None else list(videos)
        with self._database.engine.connect() as connection:
            for key in keys or ():
                stored_videos.require(connection, key)
            every = sorted(encoders.stored(connection), key=lambda each: not each.is_default)
            found = every if encoder is None else [encoders.find(connection, encoder)]
        return linking.link(self._database.engine, keys, [each.id for each in found], progress)

    def unknown(
        self,
        *,
        dismissed: bool = False,
        encoder: WhichEncoder = None,
        limit: int | None = None,
        skip: int = 0,
    ) -> list[UnknownVoice]:
        """The unknown voices, those with the most speech first.

        With `dismissed`, only those that were dismissed. Raises `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            found = encoders.asked(connection, encoder)
            return unknown.unknown(connection, found, dismissed=dismissed, limit=limit, skip=skip)

    def show(
        self,
        number: int,
        *,
        encoder: WhichEncoder = None,
        limit: int | None = None,
        skip: int = 0,
    ) -> list[VoiceAppearance]:
        """Where an unknown voice is heard, in the order of recordings and time.

        Raises `UnknownVoiceNumber`, `UnknownEncoder`.
        """
        with naming.unknown_number(), self._database.engine.connect() as connection:
            found = encoders.asked(connection, encoder)
            return unknown.appearances(connection, number, found, limit=limit, skip=skip)

    def clips(self, number: int, *, encoder: WhichEncoder = None) -> list[Clip]:
        """Parts to listen to, the most typical first, one of each recording that has some.

        Raises `UnknownVoiceNumber`, `UnknownEncoder`.
        """
        with naming.unknown_number(), self._database.engine.connect() as connection:
            found = encoders.asked(connection, encoder)
            return reviewing.clips(connection, number, None, found)

    def queue(
        self, *, limit: int | None = 20, skip: Iterable[int] = (), encoder: WhichEncoder = None
    ) -> list[QueuedVoice]:
        """The unknown voices and suggestions to decide next, besides those to `skip`.

        First those whose speech times uncertainty is greatest; None as `limit` is all. Raises
        `UnknownEncoder`, and `ValueError` for a negative limit.
        """
        with refused_values(), self._database.engine.connect() as connection:
            return reviewing.queue(connection, limit, skip, encoders.asked(connection, encoder))

    def left(self, *, skip: Iterable[int] = (), encoder: WhichEncoder = None) -> QueueSize:
        """How many voices are in the queue, besides those to `skip`, and how long they speak."""
        with self._database.engine.connect() as connection:
            return reviewing.size(connection, skip, encoders.asked(connection, encoder))

    def card(self, number: int, *, limit: int = 3, encoder: WhichEncoder = None) -> VoiceCard:
        """What helps to tell who an unknown voice is, with `limit` people and other voices.

        Raises `UnknownVoiceNumber`, also if `encoder` has not heard the voice, `UnknownEncoder`,
        and `ValueError` for a negative limit.
        """
        with (
            naming.unknown_number(),
            refused_values(),
            self._database.engine.connect() as connection,
        ):
            return reviewing.card(connection, number, limit, encoders.asked(connection, encoder))

    def suggestions(
        self, *, encoder: WhichEncoder = None, limit: int | None = None, skip: int = 0
    ) -> list[VoiceSuggestion]:
        """Which unknown voices may be somebody who is enrolled, the most speech first.

        `accept` and `reject` are about those of the default encoder. Raises `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            found = encoders.asked(connection, encoder)
            return unknown.suggestions(connection, found, limit=limit, skip=skip)

    def name(
        self,
        number: int,
        speaker: str,
        *,
        consent: Consent | str | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> Naming:
        """Give an unknown voice a name, and label the library again.

        Enrolls a few of its clean segments, from several recordings; the person may be enrolled
        already. `consent` is stored too, as in `People.enroll`. `dry_run` changes nothing. Raises
        `UnknownVoiceNumber`, `ValueError` for an empty name, and `EnrollmentRefused` in one of its
        kinds; `force` only overrides the checks of the voice and of the duration.
        """
        meant = None if consent is None else consents.checked(speaker, consent)
        checked(speaker, "a speaker's name")
        with self._changing() as connection:
            return naming.name(connection, number, speaker, meant, force=force, dry_run=dry_run)

    def dismiss(self, number: int, why: str, *, dry_run: bool = False) -> Change:
        """Say that an unknown voice is nobody to name, such as ``tv``; it is not listed any more.

        Raises `UnknownVoiceNumber`, and `ValueError` if `why` is empty.
        """
        with self._changing() as connection:
            return naming.dismiss(connection, number, why, dry_run=dry_run)

    def same(self, *numbers: int, dry_run: bool = False) -> Change:
        """Say that unknown voices are one person; the oldest one is left.

        Raises `UnknownVoiceNumber`, and `ValueError` for fewer than two.
        """
        with self._changing() as connection:
            return naming.join(connection, numbers, dry_run=dry_run)

    def different(self, number: int, video: str, *, dry_run: bool = False) -> Change:
        """Say that the voices in a video are somebody else than the unknown voice elsewhere.

        Raises `UnknownVoiceNumber`, `UnknownVideo`, and `ValueError` if it is not heard there.
        """
        with self._changing() as connection:
            stored_videos.require(connection, video)
            return naming.part(connection, number, video, dry_run=dry_run)

    def accept(
        self, number: int, speaker: str | None = None, *, force: bool = False, dry_run: bool = False
    ) -> Naming:
        """Name an unknown voice as suggested; with `speaker`, only if that is who is suggested.

        Raises `NoSuggestion`, and the errors of `name`.
        """
        with self._changing() as connection:
            return naming.accept(connection, number, speaker, force=force, dry_run=dry_run)

    def reject(self, number: int, speaker: str | None = None, *, dry_run: bool = False) -> Change:
        """Say that an unknown voice is not the person suggested, who is not suggested again.

        With `speaker`, only if that is who is suggested. Raises `UnknownVoiceNumber`,
        `NoSuggestion`.
        """
        with self._changing() as connection:
            return naming.reject(connection, number, speaker, dry_run=dry_run)

    def of_segments(self, video: str, *, encoder: WhichEncoder = None) -> list[SegmentVoice]:
        """The turns of a video that are an unknown voice, unless it was dismissed, in time order.

        Raises `LinkingDisabled`, `UnknownVideo`, `UnknownEncoder`.
        """
        if not self.settings().enabled:
            raise LinkingDisabled
        with self._database.engine.connect() as connection:
            stored_videos.require(connection, video)
            found = encoders.find(connection, encoder).id
            return heard.of_segments(connection, video, found)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction that waits for others who enroll or label. Raises `LockHeld`."""
        with self._database.engine.begin() as connection:
            locks.require(connection)
            with locks.patient(connection, "naming a voice", locks.PATIENCE):
                yield connection
