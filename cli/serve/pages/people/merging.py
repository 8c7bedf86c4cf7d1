"""Merging two entries of one person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from pgvoice.cli.serve.pages.people.asking import (
    Question,
    ask,
    attempt,
    brief,
    person_url,
    rehearse,
)
from pgvoice.cli.serve.site import Site, url
from pgvoice.store.people.speakers import Merge

#: How many people a page offers who may be meant.
_MEANT = 10


def add(router: APIRouter, site: Site) -> None:
    """``/person/merge``."""

    @router.get("/person/merge")
    def ask_merge(request: Request, name: str, into: str, force: bool = False) -> Response:
        into = into.strip()
        would, refused = rehearse(
            lambda: site.store.people.merge(name, into, force=force, dry_run=True)
        )
        fields = [("name", name), ("into", into), *([("force", "true")] if force else [])]
        question = Question(
            f"Merge {name} into {into}?",
            name,
            "/person/merge",
            "Merge",
            fields,
            [
                f"Everything of {brief(name)} becomes that of {brief(into)}: exemplars, labels, and"
                f" what people said. The name {brief(name)} and its consents are gone; what"
                " somebody agreed to does not pass to another name. Labels are judged again by the"
                " next label run."
            ],
            [] if would is None else _changes(would),
            refused,
            url("/person/merge", name=name, into=into, force="true"),
            meant=_meant(site, name, into) if refused and refused.is_about_names else [],
            exemplars=site.store.people.exemplars(name) if would else [],
        )
        return ask(site, request, question)

    @router.post("/person/merge")
    def merge(
        request: Request,
        name: Annotated[str, Form()],
        into: Annotated[str, Form()],
        force: Annotated[bool, Form()] = False,
    ) -> Response:
        def act() -> Response:
            done = site.store.people.merge(name, into, force=force)
            told = f"{brief(name)} was merged into {brief(into)}"
            site.tell(request, told, act=done.act, back=person_url(name))
            return site.go("/person", name=into)

        return attempt(site, request, person_url(name), act)


def _meant(site: Site, name: str, into: str) -> list[tuple[str, str]]:
    """People whose name contains what was typed, who may be meant."""
    found = site.store.people.overview(into, limit=_MEANT).people
    others = [each.speaker for each in found if each.speaker != name]
    return [(other, url("/person/merge", name=name, into=other)) for other in others]


def _changes(would: Merge) -> list[tuple[str, object]]:
    """What would change, in words, and how much of it."""
    name, into = brief(would.speaker), brief(would.into)
    told = {
        "enrollment": f"exemplars that become those of {into}, unless they are there already",
        "label": f"labels that name {into} instead",
        "verdict": f"statements about {name} that are about {into} then",
        "unknown_voice": f"unknown voices with the name {name} that have the name {into} then",
        "profile": f"profiles that are deleted ({name}) or computed again ({into})",
        "consent": f"consents of {name} that are deleted",
    }
    return [(text, would.changed[what]) for what, text in told.items() if would.changed.get(what)]
