"""A consent as a request gives it."""

from __future__ import annotations

from pgvoice.cli.serve.api.shapes.enrolling import ConsentGiven
from pgvoice.store.privacy.consents import Consent


def consent_of(name: str, given: ConsentGiven | str | None) -> Consent | str | None:
    """The consent of a person; a text says where it is written down."""
    if not isinstance(given, ConsentGiven):
        return given
    return Consent(
        given.granted_by or name,
        given.purpose,
        given.evidence,
        given.granted_at,
        given.expires_at,
    )
