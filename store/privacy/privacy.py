"""``VoiceStore.privacy``: consent, erasure, opt-outs, retention and the audit trail."""

from __future__ import annotations

from pgvoice.store.database.connection import Database
from pgvoice.store.privacy import audit, consents, erasing, opt_outs, retention
from pgvoice.store.privacy.audit import AuditEvent
from pgvoice.store.privacy.consents import Consent, StoredConsent
from pgvoice.store.privacy.erasing import Erasure
from pgvoice.store.privacy.opt_outs import OptOut
from pgvoice.store.privacy.retention import Retention


class Privacy:
    """Everything that people may demand of somebody who keeps their voices; for admins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grant_consent(self, name: str, consent: Consent | str) -> None:
        """Store a speaker's consent; the speaker is created if new.

        Raises `OptedOut`, and `ValueError` if the consent does not say who agreed, or to what.
        """
        with consents.refusals(name), self._database.engine.begin() as connection:
            consents.grant(connection, name, consent)

    def withdraw_consent(self, name: str) -> int:
        """End a speaker's consents, and delete their exemplars and profiles immediately.

        Returns the number of deleted exemplars. Kept labels are not affected. Raises
        `UnknownSpeaker`.
        """
        with self._database.engine.begin() as connection:
            return consents.withdraw(connection, name)

    def consents(self, name: str | None = None) -> list[StoredConsent]:
        """A speaker's consents, or everybody's. Raises `UnknownSpeaker`."""
        with self._database.engine.connect() as connection:
            return consents.stored(connection, name)

    @property
    def consent_required(self) -> bool:
        """Whether enrolling somebody requires a valid consent."""
        with self._database.engine.connect() as connection:
            return consents.is_required(connection)

    def require_consent(self, *, required: bool = True) -> None:
        """Require consent for new enrollments or not; existing ones are not affected."""
        with self._database.engine.begin() as connection:
            consents.require(connection, required=required)

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
                opt_outs.keep(connection, name, voice=opt_out_voice)
            return erasing.erase_speaker(
                connection, name, with_segments=with_segments, dry_run=dry_run
            )

    def erase_video(self, video: str, *, dry_run: bool = False) -> Erasure:
        """Delete a recording with everything about it. Raises `UnknownVideo`."""
        with self._database.engine.begin() as connection:
            return erasing.erase_video(connection, video, dry_run=dry_run)

    def opt_outs(self) -> list[OptOut]:
        """Everybody who opted out; names are not kept."""
        with self._database.engine.connect() as connection:
            return opt_outs.stored(connection)

    def lift_opt_out(self, name: str) -> None:
        """Allow somebody to be enrolled again. Raises `UnknownSpeaker` if they did not opt out."""
        with self._database.engine.begin() as connection:
            opt_outs.lift(connection, name)

    def delete_expired(
        self, *, unattributed_days: int | None = None, dry_run: bool = False
    ) -> Retention:
        """Delete voices whose consent ended, and on request old vectors that belong to nobody."""
        with self._database.engine.begin() as connection:
            return retention.delete_expired(connection, unattributed_days, dry_run=dry_run)

    def audit(self, subject: str | None = None, *, limit: int | None = None) -> list[AuditEvent]:
        """What was done with voiceprints, to one subject or to all; the newest first."""
        with self._database.engine.connect() as connection:
            return audit.trail(connection, subject, limit)
