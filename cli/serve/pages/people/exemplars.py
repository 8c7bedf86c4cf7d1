"""Exemplars that are dropped, left out, or taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from pgvoice.cli.output import counted
from pgvoice.cli.serve.pages.people.asking import (
    Question,
    Refusal,
    RowNumber,
    ask,
    attempt,
    brief,
    person_url,
    rehearse,
)
from pgvoice.cli.serve.site import Site
from pgvoice.store.people.quality import Outlier

Name = Annotated[str, Form()]
Encoder = Annotated[str | None, Form()]


def add(router: APIRouter, site: Site) -> None:
    """``/person/drop``, ``/person/outliers`` and ``/person/restore``."""
    people = site.store.people

    @router.get("/person/drop")
    def ask_drop(request: Request, name: str, exemplar: RowNumber) -> Response:
        found = [each for each in people.exemplars(name) if each.number == exemplar]
        would, refused = rehearse(lambda: people.drop(name, exemplar, dry_run=True))
        told = [] if would is None else [f"{counted(would.left, 'exemplar')} would be left."]
        question = Question(
            f"Drop an exemplar of {name}?",
            name,
            "/person/drop",
            "Drop it",
            [("name", name), ("exemplar", exemplar)],
            [*told, "The profile is computed again from the others. Stored labels stay."],
            refused=refused,
            exemplars=found,
        )
        return ask(site, request, question)

    @router.post("/person/drop")
    def drop(request: Request, name: Name, exemplar: Annotated[RowNumber, Form()]) -> Response:
        def act() -> Response:
            done = people.drop(name, exemplar)
            left = counted(done.left, "exemplar")
            site.tell(
                request, f"An exemplar of {brief(name)} was dropped; {left} left", act=done.act
            )
            return site.go("/person", name=name)

        return attempt(site, request, person_url(name), act)

    @router.get("/person/outliers")
    def ask_outliers(request: Request, name: str, encoder: str | None = None) -> Response:
        would = people.drop_outliers(name, encoder=encoder, dry_run=True)
        keys = {_key(each) for each in would}
        question = Question(
            f"Leave out what does not sound like {name}?",
            name,
            "/person/outliers",
            f"Leave out {counted(len(would), 'exemplar')}",
            [("name", name), *([("encoder", encoder)] if encoder else [])],
            [
                "They stay in the store, and can be taken back. The profile is computed again from"
                " the others. Stored labels stay."
            ],
            refused=None if would else Refusal("No exemplar is flagged.", False, False),
            exemplars=[each for each in people.exemplars(name) if _key(each) in keys],
        )
        return ask(site, request, question)

    @router.post("/person/outliers")
    def outliers(request: Request, name: Name, encoder: Encoder = None) -> Response:
        def act() -> Response:
            done = people.drop_outliers(name, encoder=encoder)
            number = _newest(site, "drop outliers", name) if done else None
            told = f"{counted(len(done), 'exemplar')} of {brief(name)} left out of the profile"
            site.tell(request, told, act=number)
            return site.go("/person", name=name)

        return attempt(site, request, person_url(name), act)

    @router.post("/person/restore")
    def restore(request: Request, name: Name, encoder: Encoder = None) -> Response:
        def act() -> Response:
            done = people.restore_exemplars(name, encoder=encoder)
            number = _newest(site, "restore", name) if done else None
            told = f"{counted(done, 'exemplar')} of {brief(name)} taken back into the profile"
            site.tell(request, told, act=number)
            return site.go("/person", name=name)

        return attempt(site, request, person_url(name), act)


def _key(each: Outlier | object) -> tuple[object, ...]:
    return tuple(getattr(each, name) for name in ("source", "start", "end"))


def _newest(site: Site, kind: str, name: str) -> int | None:
    """The number of the newest act of a kind on somebody."""
    acts = site.store.acts.list(limit=20)
    return next((each.number for each in acts if (each.kind, each.subject) == (kind, name)), None)
