"""Why a voice did not get a name, and what a person can do on its card."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.store.errors import (
    ConsentMissing,
    EnrollmentRefused,
    IncoherentExemplars,
    SharedExemplars,
    SoundsLikeAnother,
    TooLittleSpeech,
)

#: What to do, by the kind of error; whatever else is refused cannot be forced.
_REMEDIES: tuple[tuple[type[EnrollmentRefused], str], ...] = (
    (
        SoundsLikeAnother,
        "Listen to both. If it is one person, say so; if they only sound alike, name it anyway.",
    ),
    (
        SharedExemplars,
        "If both are one person, say so; if one of them is enrolled with the wrong speech, mend"
        " that first.",
    ),
    (
        IncoherentExemplars,
        "Listen to more clips. If it is one person, name it anyway; recordings in which it is"
        " somebody else can be taken out under “Where it is heard”.",
    ),
    (TooLittleSpeech, "Skip it until more of it is heard, or name it anyway."),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A name that a voice did not get."""

    voice: int
    name: str
    why: str
    remedy: str
    #: Who is enrolled with this voice already.
    other: str | None
    #: Whether it can be named anyway.
    can_force: bool
    needs_consent: bool


def refusal(voice: int, name: str, error: EnrollmentRefused) -> Refusal:
    """What a card says of a refused name."""
    needs_consent = isinstance(error, ConsentMissing)
    remedy = next((text for kind, text in _REMEDIES if isinstance(error, kind)), None)
    if needs_consent:
        remedy, why = "Say below where the consent is documented.", _no_consent(name)
    else:
        why = error.fact or str(error)
    return Refusal(
        voice,
        name,
        f"{why[:1].upper()}{why[1:]}.".replace("..", "."),
        remedy or "",
        error.other,
        can_force=remedy is not None and not needs_consent,
        needs_consent=needs_consent,
    )


def _no_consent(name: str) -> str:
    return f"nobody has documented that {name!r} agreed to be recognised, which this store requires"
