"""``VoiceStore.privacy``: consent, erasure, opt-outs, retention and the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from pgvoice.store.database.connection import Database
from pgvoice.store.errors import UnknownSpeaker, UnknownVideo
from pgvoice.store.people import speakers
from pgvoice.store.privacy import consents, erasing, remains, retention
from pgvoice.store.privacy.audit import AuditEvent
from pgvoice.store.privacy.consents import Consent, StoredConsent
from pgvoice.store.privacy.erasing import Erasure
from pgvoice.store.privacy.remains import Remainder
from pgvoice.store.privacy.retention import Retention
from pgvoice.store.voices import acts


@dataclass(frozen=True, slots=True)
class OptOut:
    """A name that nobody may be enrolled under again; only its hash is kept."""

    id: int
    created_at: datetime
    #: Encoders that the voice is kept for; it is refused under any name.
    voices: tuple[str, ...]


class Privacy:
    """Everything that people may demand of somebody who keeps their voices; for admins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grant_consent(self, name: str, consent: Consent | str) -> int:
        """Store a speaker's consent; the speaker is created if new. Returns the act's number.

        Raises `OptedOut`, and `ValueError` if the consent does not say who agreed, or to what.
        """
        with consents.refusals(name), self._database.engine.begin() as connection:
            act = acts.begin(connection, "consent", name)
            consents.grant(connection, name, consent)
            return act

    def withdraw_consent(self, name: str) -> int:
        """End a speaker's consents, and delete their exemplars and profiles immediately.

        Returns the number of deleted exemplars. Kept labels are not affected. Raises
        `UnknownSpeaker`.
        """
        with self._database.engine.begin() as connection:
            speaker_id = speakers.require(connection, name, lock=True)
            consents.withdraw(connection, speaker_id, name)
            return consents.forget_voice(connection, speaker_id)

    def consents(
        self, name: str | None = None, *, limit: int | None = None, skip: int = 0
    ) -> list[StoredConsent]:
        """A speaker's consents, or everybody's, by name. Raises `UnknownSpeaker`."""
        with self._database.engine.connect() as connection:
            if name is not None:
                speakers.require(connection, name)
            rows = connection.execute(
                text(
                    f"SELECT s.name, {consents.COLUMNS}, EXISTS (SELECT FROM"  # noqa: S608
                    " pgvoice_internal.valid_consents(s.id) v WHERE v.consent = c.id"
                    " AND v.valid_until > now())"
                    " FROM pgvoice.consent c JOIN pgvoice.speaker s ON s.id = c.speaker_id"
                    " WHERE CAST(:name AS text) IS NULL OR s.name = :name ORDER BY s.name, c.id"
                    " LIMIT :limit OFFSET :skip"
                ),
                {"name": name, "limit": limit, "skip": skip},
            )
            return [StoredConsent(who, Consent(*consent), valid) for who, *consent, valid in rows]

    @property
    def consent_required(self) -> bool:
        """Whether enrolling somebody requires a valid consent."""
        with self._database.engine.connect() as connection:
            return bool(connection.scalar(text("SELECT consent_required FROM pgvoice.setting")))

    def require_consent(self, *, required: bool = True) -> None:
        """Require consent or not; people without one are named again once it is not required."""
        with self._database.engine.begin() as connection:
            connection.execute(
                text("SELECT pgvoice_internal.require_consent(:required)"), {"required": required}
            )

    def erase_speaker(
        self,
        name: str,
        *,
        with_segments: bool,
        opt_out: bool = False,
        opt_out_voice: bool = False,
        dry_run: bool = False,
    ) -> Erasure:
        """Delete a person with everything that was derived from their voice.

        `with_segments` also deletes the vectors of the segments that labels, exemplars or identify
        attribute to them. `opt_out` keeps a hash of the name, and `opt_out_voice` also the
        profiles, to refuse both in later enrollments. Raises `UnknownSpeaker`.
        """
        with self._database.engine.begin() as connection:
            if (opt_out or opt_out_voice) and not dry_run:
                erasing.keep_opt_out(connection, name, voice=opt_out_voice)
            return erasing.erase_speaker(
                connection, name, with_segments=with_segments, dry_run=dry_run
            )

    def erase_video(self, video: str, *, dry_run: bool = False) -> Erasure:
        """Delete a recording with everything about it. Raises `UnknownVideo`."""
        with self._database.engine.begin() as connection:
            return erasing.erase_video(connection, video, dry_run=dry_run)

    def remains(self, subject: str, *, vacuum: bool = False) -> list[Remainder]:
        """What an erasure of a person or a recording does not reach, and how to end it.

        `vacuum` first rewrites the tables and ends the write-ahead log; for the tables' owner.
        """
        if vacuum:
            remains.vacuum(self._database)
        with self._database.engine.connect() as connection:
            return remains.left(connection, subject, vacuumed=vacuum)

    def allow_video(self, video: str) -> None:
        """Allow a recording that was erased to be filled again.

        Raises `UnknownVideo` if it was not erased.
        """
        with self._database.engine.begin() as connection:
            lifted = connection.scalar(
                text("SELECT pgvoice_internal.allow_video(:video)"), {"video": video}
            )
            if not lifted:
                raise UnknownVideo(video)

    def opt_outs(self) -> list[OptOut]:
        """Everybody who opted out, the oldest first; names are not kept."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT o.id, o.created_at,"
                    " array_remove(array_agg(e.label ORDER BY e.id), NULL)"
                    " FROM pgvoice.opt_out o LEFT JOIN pgvoice.opt_out_voice x"
                    " ON x.opt_out_id = o.id LEFT JOIN pgvoice.encoder e ON e.id = x.encoder_id"
                    " GROUP BY o.id ORDER BY o.id"
                )
            )
            return [OptOut(number, at, tuple(voices)) for number, at, voices in rows]

    def lift_opt_out(self, name: str) -> None:
        """Allow somebody to be enrolled again. Raises `UnknownSpeaker` if they did not opt out."""
        with self._database.engine.begin() as connection:
            number = connection.scalar(
                text(
                    "DELETE FROM pgvoice.opt_out WHERE id IN"
                    " (SELECT pgvoice_internal.has_opted_out(:name)) RETURNING id"
                ),
                {"name": name},
            )
            if number is None:
                raise UnknownSpeaker(name)

    def delete_expired(
        self, *, unattributed_days: int | None = None, dry_run: bool = False
    ) -> Retention:
        """Delete voices whose consent ended; names, consents and labels are kept.

        This ends unknown voices that have expired, and deletes what old acts changed, which cannot
        be undone afterwards. It also deletes segments older than `unattributed_days` without a
        label that names somebody and without an exemplar (a later fill computes them again). None
        keeps them.
        """
        with self._database.engine.begin() as connection:
            return retention.delete(
                connection, unattributed_days=unattributed_days, dry_run=dry_run
            )

    def audit_head(self) -> str | None:
        """The hash of the audit trail as it is now, to be noted elsewhere; None if it is empty.

        ``upkeep.verify`` checks a noted hash.
        """
        with self._database.engine.connect() as connection:
            head: str | None = connection.scalar(
                text("SELECT encode(hash, 'hex') FROM pgvoice.audit_head")
            )
            return head

    def audit(
        self,
        subject: str | None = None,
        *,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[AuditEvent]:
        """What was done with voiceprints, to one subject or to all; the newest first."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT id, at, actor, action, subject, details FROM pgvoice.audit_event"
                    " WHERE (CAST(:subject AS text) IS NULL OR subject = :subject)"
                    " AND (CAST(:before AS bigint) IS NULL OR id < :before)"
                    " ORDER BY id DESC LIMIT :limit"
                ),
                {"subject": subject, "before": before, "limit": limit},
            )
            return [AuditEvent(*row) for row in rows]
