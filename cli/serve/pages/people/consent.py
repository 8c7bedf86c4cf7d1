"""Consents: granting one, and withdrawing them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from pgvoice.cli.output import counted
from pgvoice.cli.serve.pages.people.asking import Question, ask, attempt, brief, person_url
from pgvoice.cli.serve.site import Site
from pgvoice.store.privacy.consents import PURPOSE, Consent


def add(router: APIRouter, site: Site) -> None:
    """``/person/consent`` and ``/person/withdraw``."""

    @router.post("/person/consent")
    def grant(
        request: Request,
        name: Annotated[str, Form()],
        evidence: Annotated[str, Form()] = "",
        granted_by: Annotated[str, Form()] = "",
        purpose: Annotated[str, Form()] = PURPOSE,
        until: Annotated[str, Form()] = "",
    ) -> Response:
        def act() -> Response:
            who, where = granted_by.strip() or name, evidence.strip() or None
            given = Consent(who, purpose.strip(), where, expires_at=_end_of_day(until.strip()))
            number = site.store.privacy.grant_consent(name, given)
            site.tell(request, f"A consent of {brief(name)} was stored", act=number)
            return site.go("/person", name=name)

        return attempt(site, request, person_url(name), act)

    @router.get("/person/withdraw")
    def ask_withdraw(request: Request, name: str) -> Response:
        exemplars = site.store.people.exemplars(name)
        profiles = len({each.encoder for each in exemplars})
        valid = sum(each.valid for each in site.store.privacy.consents(name))
        question = Question(
            f"Withdraw the consent of {name}?",
            name,
            "/person/withdraw",
            "Withdraw it and delete the voiceprint",
            [("name", name)],
            [
                f"{brief(name)} is not named any more from this moment on. Stored labels stay;"
                " where the person speaks stays noted, without vectors, so that erasing finds it.",
                "What earlier acts changed of the voiceprint is deleted too, so these cannot be"
                " undone any more.",
            ],
            [
                ("valid consents that end", valid),
                ("exemplars that are deleted", len(exemplars)),
                ("profiles that are deleted", profiles),
            ],
            is_final=True,
        )
        return ask(site, request, question)

    @router.post("/person/withdraw")
    def withdraw(request: Request, name: Annotated[str, Form()]) -> Response:
        def act() -> Response:
            deleted = counted(site.store.privacy.withdraw_consent(name), "exemplar")
            site.tell(request, f"The consent of {brief(name)} was withdrawn, and {deleted} deleted")
            return site.go("/person", name=name)

        return attempt(site, request, person_url(name), act)


def _end_of_day(day: str) -> datetime | None:
    """When a day ends in this machine's zone; raises `ValueError`."""
    if not day:
        return None
    try:
        return (datetime.combine(date.fromisoformat(day), time()) + timedelta(days=1)).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"{day[:60]!r} is not a date such as 2027-01-31") from None
