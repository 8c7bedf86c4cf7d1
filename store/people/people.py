"""``VoiceStore.people``: enrolls speakers, and shows how well each is enrolled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, IntegrityError

from pgvoice.store.database import locks
from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import refused_values
from pgvoice.store.errors import CancellingExemplars, SpeakerExists, UnknownEncoder
from pgvoice.store.keys import Span
from pgvoice.store.names import checked
from pgvoice.store.people import (
    enrollments,
    overview,
    portable,
    resemblance,
    speakers,
    splitting,
)
from pgvoice.store.people.enrollments import MIN_SPEECH_SECONDS, Enrollment, Exemplar
from pgvoice.store.people.overview import HeardPage, PeopleOrder, PeoplePage, SimilarPerson
from pgvoice.store.people.portable import PortableSpeaker
from pgvoice.store.people.quality import Outlier, ProfileQuality
from pgvoice.store.people.speakers import DroppedExemplar, Merge, SpeakerSummary, StoredExemplar
from pgvoice.store.people.splitting import Split
from pgvoice.store.privacy import consents
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.recordings import encoders, videos
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold, WhichEncoder
from pgvoice.store.recordings.segment_rows import Embedding
from pgvoice.store.voices import acts


class People:
    """Speakers, their exemplars and profiles; each call is a transaction."""

    def __init__(self, database: Database, grid_ms: int) -> None:
        self._database = database
        self._grid_ms = grid_ms

    def enroll(
        self,
        name: str,
        exemplars: Sequence[Exemplar],
        encoder: EncoderIdentity,
        threshold: Threshold,
        *,
        min_speech: float = MIN_SPEECH_SECONDS,
        consent: Consent | str | None = None,
        force: bool = False,
    ) -> Enrollment:
        """Add exemplars to a speaker, created if new, and compute the profile.

        `consent` is stored too; a text says where the consent is written down. The exemplars, with
        earlier ones, need `min_speech` seconds. Raises `EnrollmentRefused` in one of its kinds.
        `force` only overrides the checks of the voice and of the duration: it does not prevent
        `CancellingExemplars`, `ConsentMissing` and `OptedOut`. Raises `ValueError` if the name is
        empty or there are no exemplars.
        """
        with self._enrolling(name, consent) as connection:
            encoders.ensure(connection, encoder, threshold)
            found = encoders.find(connection, encoder)
            return enrollments.enroll(
                connection, name, found, exemplars, min_speech=min_speech, force=force
            )

    def resembled(
        self,
        embeddings: Sequence[Embedding],
        audio_sha256: str,
        encoder: EncoderIdentity,
        *,
        besides: str,
    ) -> list[str | None]:
        """Whom voices in an audio sound like: an enrolled person, or a label; only for admins.

        Labels are those in the stored turns of recordings with this audio. `besides` is a person
        who is not meant. None if nobody known reaches the threshold.
        """
        with self._database.engine.begin() as connection:
            try:
                found = encoders.find(connection, encoder)
            except UnknownEncoder:
                return [None] * len(embeddings)
            return resemblance.resembled(connection, found, embeddings, audio_sha256, besides)

    def enroll_segments(
        self,
        name: str,
        video: str,
        spans: Iterable[Span] = (),
        encoder: WhichEncoder = None,
        *,
        labels: Iterable[str] = (),
        min_speech: float = MIN_SPEECH_SECONDS,
        consent: Consent | str | None = None,
        force: bool = False,
    ) -> Enrollment:
        """Add stored segments of a video to a speaker, created if new, and compute the profile.

        A span means segments as in `Recordings.resolve`; of a diarizer's label, the clear segments
        of `Recordings.labelled` are taken. Raises `UnknownVideo`, `InvalidSegment`,
        `AmbiguousSpan`, `UnknownTurnLabel`, `NoEmbedding` if a span has no vector,
        `OverlappedSpeech` unless `force`, and the errors of `enroll`.
        """
        with self._enrolling(name, consent) as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder)
            return enrollments.enroll_segments(
                connection,
                name,
                found,
                video,
                spans,
                labels,
                self._grid_ms,
                min_speech=min_speech,
                force=force,
            )

    def export_speakers(
        self, names: Sequence[str] | None = None, *, destination: str
    ) -> list[PortableSpeaker]:
        """These speakers, or all, with their vectors, for another store; only for admins.

        Writes each speaker and `destination` to the audit trail. Raises `UnknownSpeaker`.
        """
        with self._database.engine.begin() as connection:
            return portable.export_speakers(connection, names, destination)

    def import_speakers(
        self,
        speakers: Sequence[PortableSpeaker],
        thresholds: Mapping[EncoderIdentity, Threshold],
        *,
        source: str,
        force: bool = False,
    ) -> list[Enrollment]:
        """Add the speakers of another store with their consents, all or none.

        Existing exemplars are not affected. `thresholds` are the encoders' default ones. Raises the
        errors of `enroll`.
        """
        names = ", ".join(speaker.name for speaker in speakers)
        with consents.refusals(names), self._database.engine.begin() as connection:
            _begin_import(connection, speakers)
            return portable.import_speakers(connection, speakers, thresholds, source, force=force)

    def rename(self, name: str, new_name: str) -> int:
        """Give a speaker another name; returns the number of the act.

        Raises `UnknownSpeaker`, `SpeakerExists`, `OptedOut`.
        """
        with consents.refusals(new_name), self._database.engine.begin() as connection:
            values = {
                "id": speakers.require(connection, name, lock=True),
                "name": checked(new_name, "a speaker's name"),
            }
            subject = f"{name} to {new_name}"
            act = acts.begin(connection, "rename", subject, speaker=name, to=new_name)
            try:
                connection.execute(
                    text("UPDATE pgvoice.speaker SET name = :name WHERE id = :id"), values
                )
            except IntegrityError as error:
                raise SpeakerExists(
                    f"there is already a speaker {new_name!r}: merge the two with `pgvoice enroll"
                    " merge`, or choose another name"
                ) from error
            return act

    def merge(self, name: str, into: str, *, force: bool = False, dry_run: bool = False) -> Merge:
        """Merge the speaker `name` into `into`; `dry_run` tells what it would change.

        Raises `UnknownSpeaker`, `ValueError` if both are the same speaker, `IncoherentExemplars` if
        the two do not sound like one person (unless `force`), `CancellingExemplars`, and
        `ConsentMissing` if `name` gave a consent, which does not pass on, and `into` has none that
        is valid.
        """
        with (
            consents.refusals(into),
            self._database.engine.connect() as connection,
            connection.begin() as transaction,
        ):
            act = acts.begin(connection, "merge", f"{name} into {into}", speaker=name, into=into)
            speakers.merge(connection, name, into, force=force)
            changed = acts.changed(connection, act)
            if dry_run:
                transaction.rollback()
            return Merge(None if dry_run else act, name, into, changed)

    def split(
        self,
        name: str,
        into: str,
        *,
        videos: Sequence[str] = (),
        exemplars: Sequence[int] = (),
        suggest: bool = False,
        encoder: WhichEncoder = None,
        consent: Consent | str | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> Split:
        """Give exemplars of `name` that are somebody else's to `into`, created if new.

        Chosen are those from `videos` (recordings or files), those with the numbers `exemplars`,
        and with `suggest` the group of one encoder's that differs most from the others. Labels are
        judged again where they name `name`. Raises `UnknownSpeaker`, `UnknownExemplar`,
        `NothingToSplit`, `IncoherentExemplars` if those of `into` do not sound like one person
        (unless `force`), `CancellingExemplars`, `ConsentMissing` and `OptedOut`.
        """
        with (
            consents.refusals(into),
            self._database.engine.connect() as connection,
            connection.begin() as transaction,
        ):
            locks.require(connection)
            speakers.require(connection, name)
            act = acts.begin(connection, "split", f"{name} into {into}", speaker=name, into=into)
            if consent is not None:
                consents.grant(connection, into, consent)
            done = splitting.split(
                connection,
                name,
                into,
                videos=videos,
                exemplars=exemplars,
                suggested_by=encoders.find(connection, encoder).id if suggest else None,
                force=force,
            )
            if dry_run:
                transaction.rollback()
            return done if dry_run else replace(done, act=act)

    def remove(self, name: str) -> int:
        """Delete a speaker; returns the number of deleted exemplars. Raises `UnknownSpeaker`."""
        with self._database.engine.begin() as connection:
            acts.begin(connection, "remove", name)
            return speakers.remove(connection, name)

    def drop(self, name: str, number: int, *, dry_run: bool = False) -> DroppedExemplar:
        """Delete one exemplar, by its number, and compute the profile from the others.

        Raises `UnknownSpeaker`, `UnknownExemplar`, `LastExemplar`, `CancellingExemplars`.
        """
        with self._database.engine.begin() as connection:
            return speakers.drop(connection, name, number, dry_run=dry_run)

    def overview(
        self,
        part: str | None = None,
        *,
        names: Iterable[str] | None = None,
        order: PeopleOrder = "name",
        limit: int | None = None,
        skip: int = 0,
        encoder: WhichEncoder = None,
    ) -> PeoplePage:
        """Everybody with a name, or those whose name contains `part`, or those with these names.

        Raises `UnknownSpeaker`, `UnknownEncoder`, and `ValueError` for another order or a negative
        number.
        """
        with refused_values(), self._database.engine.connect() as connection:
            asked = speakers.known(connection, names)
            found = encoders.asked(connection, encoder)
            return overview.people(connection, part, asked, order, limit, skip, found)

    def similar(
        self, name: str, *, limit: int = 5, encoder: WhichEncoder = None
    ) -> list[SimilarPerson]:
        """The people whose profiles are most similar to somebody's; at most five for readers.

        Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with refused_values(), self._database.engine.connect() as connection:
            speakers.require(connection, name)
            found = encoders.asked(connection, encoder)
            return overview.similar(connection, name, limit, found)

    def heard(
        self,
        name: str,
        *,
        limit: int | None = None,
        skip: int = 0,
        encoder: WhichEncoder = None,
    ) -> HeardPage:
        """The recordings in which somebody is heard by the current labels, the newest first.

        Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with refused_values(), self._database.engine.connect() as connection:
            speakers.require(connection, name)
            found = encoders.asked(connection, encoder)
            return overview.heard(connection, name, limit, skip, found)

    def speakers(self, *, encoder: WhichEncoder = None) -> list[SpeakerSummary]:
        """Every speaker by name, with the profile of an encoder. Raises `UnknownEncoder`."""
        with self._database.engine.connect() as connection:
            return speakers.summaries(connection, encoders.asked(connection, encoder))

    def exemplars(
        self,
        name: str,
        *,
        limit: int | None = None,
        skip: int = 0,
        encoder: WhichEncoder = None,
    ) -> list[StoredExemplar]:
        """A speaker's exemplars, the least similar to the others first.

        Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            known = speakers.require(connection, name)
            found = encoders.asked(connection, encoder)
            return speakers.exemplars(connection, known, limit, skip, found)

    def quality(
        self, name: str | None = None, *, encoder: WhichEncoder = None
    ) -> list[ProfileQuality]:
        """How well a speaker is enrolled, or everybody.

        Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            if name is not None:
                speakers.require(connection, name)
            rows = connection.execute(
                text(f"SELECT * FROM pgvoice.profile_quality(:name, {encoders.ASKED})"),  # noqa: S608
                {"name": name, "encoder": encoders.asked(connection, encoder)},
            )
            return [ProfileQuality(*row) for row in rows]

    def drop_outliers(
        self, name: str, *, encoder: WhichEncoder = None, dry_run: bool = False
    ) -> list[Outlier]:
        """Exclude exemplars that do not sound like the others from a profile; they are kept.

        Always excludes less than half of them. Raises `UnknownSpeaker`, `UnknownEncoder`.
        """
        with self._database.engine.begin() as connection:
            speakers.require(connection, name)
            found = encoders.find(connection, encoder)
            rows = connection.execute(
                text("SELECT * FROM pgvoice.drop_outliers(:name, :encoder, :dry_run)"),
                {"name": name, "encoder": found.id, "dry_run": dry_run},
            )
            return [Outlier(*row) for row in rows]

    def restore_exemplars(self, name: str, *, encoder: WhichEncoder = None) -> int:
        """Put excluded exemplars back into the profile; returns how many.

        Raises `UnknownSpeaker`, `UnknownEncoder`, `CancellingExemplars`.
        """
        with self._database.engine.begin() as connection:
            speakers.require(connection, name)
            found = encoders.find(connection, encoder)
            try:
                restored: int = connection.scalar(
                    text("SELECT pgvoice.restore_exemplars(:name, :encoder)"),
                    {"name": name, "encoder": found.id},
                )
            except DataError as error:
                raise CancellingExemplars(name) from error
            return restored

    @contextmanager
    def _enrolling(self, name: str, consent: Consent | str | None) -> Iterator[Connection]:
        """A transaction that stores the consent first; raises `ConsentMissing` and `OptedOut`."""
        with consents.refusals(name), self._database.engine.begin() as connection:
            locks.require(connection)
            acts.begin(connection, "enroll", name)
            if consent is not None:
                consents.grant(connection, name, consent)
            yield connection


def _begin_import(connection: Connection, people: Sequence[PortableSpeaker]) -> None:
    names = [person.name for person in people]
    first, more = next(iter(names), ""), len(names) - 1
    subject = f"{first} and {more:,} more" if more > 0 else first
    acts.begin(connection, "import", subject, speakers=names)
