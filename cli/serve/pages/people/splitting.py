"""Splitting a person who turns out to be two."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from pgvoice.cli.output import counted
from pgvoice.cli.serve.pages.people.asking import (
    Question,
    RowNumber,
    ask,
    attempt,
    brief,
    person_url,
    rehearse,
)
from pgvoice.cli.serve.site import Site, url
from pgvoice.store.people.splitting import Split
from pgvoice.store.privacy.consents import Consent

Chosen = Annotated[list[RowNumber], Form()]
#: For rehearsals whose consent and name nobody has given yet.
_REHEARSED = "a rehearsal"


def add(router: APIRouter, site: Site) -> None:
    """``/person/split``."""
    people = site.store.people

    @router.get("/person/split")
    def choose(
        request: Request,
        name: str,
        into: str = "",
        evidence: str = "",
        exemplar: Annotated[list[RowNumber] | None, Query()] = None,
        suggest: bool = False,
        encoder: str | None = None,
        force: bool = False,
    ) -> Response:
        into, chosen, refused = into.strip(), exemplar or [], None
        told = None
        if suggest:
            would, refused = rehearse(lambda: _suggested(site, name, encoder))
            chosen = [each.number for each in would.moved] if would else []
        elif chosen and into:
            return _ask(site, request, name, into, chosen, evidence, force)
        elif into or exemplar is not None:
            told = "Choose exemplars, and say whose they are."
        return site.page(
            request,
            "split.html",
            name=name,
            into=into,
            evidence=evidence,
            exemplars=people.exemplars(name),
            chosen=set(chosen),
            refused=refused.text if refused else told,
            is_suggested=suggest,
            consent_required=site.store.privacy.consent_required,
        )

    @router.post("/person/split")
    def split(
        request: Request,
        name: Annotated[str, Form()],
        into: Annotated[str, Form()],
        exemplar: Chosen,
        evidence: Annotated[str, Form()] = "",
        force: Annotated[bool, Form()] = False,
    ) -> Response:
        def act() -> Response:
            done = people.split(
                name, into, exemplars=exemplar, consent=_consent(into, evidence), force=force
            )
            moved = counted(len(done.moved), "exemplar")
            changed = counted(done.labels, "label")
            told = f"{moved} of {brief(name)} moved to {brief(into)}; {changed} changed"
            site.tell(request, told, act=done.act, back=person_url(name))
            return site.go("/person", name=into)

        return attempt(site, request, person_url(name), act)


def _ask(
    site: Site,
    request: Request,
    name: str,
    into: str,
    chosen: list[int],
    evidence: str,
    force: bool,
) -> Response:
    people = site.store.people
    would, refused = rehearse(
        lambda: people.split(
            name,
            into,
            exemplars=chosen,
            consent=_consent(into, evidence),
            force=force,
            dry_run=True,
        )
    )
    moved = {each.number for each in would.moved} if would else set()
    fields: list[tuple[str, object]] = [("name", name), ("into", into), ("evidence", evidence)]
    fields += [("exemplar", number) for number in chosen]
    question = Question(
        f"Move exemplars of {name} to {into}?",
        name,
        "/person/split",
        "Move them",
        [*fields, *([("force", "true")] if force else [])],
        ["Where labels name the person, they are judged again. Pins stay."],
        [] if would is None else _changes(would),
        refused,
        url("/person/split", **_query(fields), force="true"),
        exemplars=[each for each in people.exemplars(name) if each.number in moved],
    )
    return ask(site, request, question)


def _changes(would: Split) -> list[tuple[str, object]]:
    return [
        (f"exemplars that move to {brief(would.into)}", len(would.moved)),
        (f"exemplars that are left to {brief(would.speaker)}", would.left),
        ("labels that change", would.labels),
    ]


def _query(fields: list[tuple[str, object]]) -> dict[str, object]:
    single = {name: value for name, value in fields if name != "exemplar"}
    return {**single, "exemplar": [value for name, value in fields if name == "exemplar"]}


def _consent(into: str, evidence: str) -> Consent | None:
    return Consent(into, evidence=evidence.strip()) if evidence.strip() else None


def _suggested(site: Site, name: str, encoder: str | None) -> Split:
    return site.store.people.split(
        name,
        f"{name} ({_REHEARSED})",
        suggest=True,
        encoder=encoder,
        consent=_REHEARSED,
        force=True,
        dry_run=True,
    )
