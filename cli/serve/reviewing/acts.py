"""``Acts``: what a form on a card does, and which page comes after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from pgvoice.cli.serve.reviewing import effects
from pgvoice.cli.serve.reviewing.refusals import refusal
from pgvoice.cli.serve.reviewing.sittings import Sitting, Told
from pgvoice.cli.serve.site import Site
from pgvoice.store.errors import (
    ActNotUndoable,
    EnrollmentRefused,
    PgvoiceError,
    PrivilegeMissing,
    UnknownVoiceNumber,
)
from pgvoice.store.voices.naming import Change, Naming


@dataclass(frozen=True, slots=True)
class Acts:
    """Acts on unknown voices, of one sitting."""

    site: Site
    sitting: Sitting

    def name(
        self, number: int, name: str, *, consent: str, force: bool, then: int | None
    ) -> Response:
        """Give a voice a name, or say on its card why not."""
        name, consent = name.strip(), consent.strip()
        self.sitting.consent = consent or self.sitting.consent
        voices = self.site.store.voices
        return self._naming(
            number,
            name,
            lambda: voices.name(number, name, consent=consent or None, force=force),
            then,
        )

    def accept(self, number: int, speaker: str, then: int | None) -> Response:
        """Name a voice as suggested on its card."""
        voices = self.site.store.voices
        return self._naming(number, speaker, lambda: voices.accept(number, speaker), then)

    def _naming(
        self, number: int, name: str, named: Callable[[], Naming], then: int | None
    ) -> Response:
        def act() -> None:
            done = named()
            self.sitting.answer(number, done.act, effects.naming(done))

        try:
            return self._doing(number, act, then)
        except EnrollmentRefused as error:
            self.sitting.refused, self.sitting.told = refusal(number, name, error), None
            return self._card(number)

    def reject(self, number: int, speaker: str) -> Response:
        """Say that a voice is not the person suggested; who it is stays open."""

        def act() -> None:
            done = self.site.store.voices.reject(number, speaker)
            text = effects.rejection(done, speaker)
            self.sitting.answer(number, done.act, text, is_final=False)

        return self._doing(number, act, number)

    def dismiss(self, number: int, why: str, then: int | None) -> Response:
        """Say that a voice is nobody to name."""

        def act() -> None:
            done = self.site.store.voices.dismiss(number, why)
            self.sitting.answer(number, done.act, effects.dismissal(done, why))

        return self._doing(number, act, then)

    def same(self, number: int, other: str, then: int | None) -> Response:
        """Say that a voice is another one, by its number, or a person, by name."""
        other = other.strip()
        if not (other.isascii() and other.isdigit()):
            return self.name(number, other, consent="", force=False, then=then)

        def act() -> Change:
            if int(other) >= 1 << 63:
                raise UnknownVoiceNumber(f"there is no voice {other}", ended=False)
            done = self.site.store.voices.same(number, int(other))
            gone = int(other) if done.number == number else number
            self.sitting.answer(number, done.act, effects.joining(done, gone), is_final=False)
            return done

        return self._doing(number, act, None)

    def different(self, number: int, video: str) -> Response:
        """Say that a voice is somebody else in a recording."""

        def act() -> None:
            done = self.site.store.voices.different(number, video)
            text = effects.parting(done, video)
            self.sitting.answer(number, done.act, text, is_final=False)

        return self._doing(number, act, number)

    def undo(self) -> Response:
        """Take back the last act of this sitting, and show its voice again."""
        if not self.sitting.answers:
            self.sitting.told = Told("There is nothing to undo.", is_error=True)
            return self.site.go("/review")
        last = self.sitting.answers[-1]
        try:
            self.site.store.acts.undo(last.act)
        except PrivilegeMissing:
            raise
        except PgvoiceError as error:
            if isinstance(error, ActNotUndoable):
                self.sitting.answers.remove(last)
            self._tell_error(error)
            return self.site.go("/review")
        self.sitting.answers.remove(last)
        self.sitting.is_stale = True
        self.sitting.told = Told(f"Undone: voice {last.voice} is as it was.", is_undo=True)
        return self._card(last.voice)

    def _doing(self, number: int, act: Callable[[], Change | None], then: int | None) -> Response:
        """Do it, and show the card that comes then; whatever is refused is told."""
        try:
            changed = act()
        except UnknownVoiceNumber as error:
            # Somebody else has answered meanwhile.
            self.sitting.leave(number)
            self._tell_error(error)
            return self.site.go("/review")
        except (EnrollmentRefused, PrivilegeMissing):
            raise
        except (PgvoiceError, ValueError) as error:
            self._tell_error(error)
            return self._card(number)
        if changed is not None:
            return self._card(changed.number)
        return self.site.go("/review") if then is None else self._card(then)

    def _tell_error(self, error: Exception) -> None:
        text = str(error)
        self.sitting.told = Told(f"{text[:1].upper()}{text[1:]}.", is_error=True)

    def _card(self, number: int) -> Response:
        return self.site.go(f"/review/{number}")
