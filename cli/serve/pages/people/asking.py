"""What the pages of people have in common: asking before an act, and refusals as messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, TypeVar

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from pgvoice.cli.serve.site import Site, url
from pgvoice.store.errors import (
    DatabaseError,
    IncoherentExemplars,
    PgvoiceError,
    PrivilegeMissing,
    UnknownSpeaker,
)

Found = TypeVar("Found")
_BRIEF = 60
#: The number of a row, as Postgres can hold it.
RowNumber = Annotated[int, Field(ge=1, le=(1 << 63) - 1)]


class Refusal(NamedTuple):
    """Why an act is refused."""

    text: str
    #: Whether it is because of voices, so that it can be forced.
    is_about_voices: bool
    #: Whether somebody is not there.
    is_about_names: bool


@dataclass(frozen=True)
class Question:
    """What a page asks before an act is done: what it would change, and the button."""

    title: str
    name: str
    #: Where the form is sent, and its hidden fields.
    action: str
    button: str
    fields: Sequence[tuple[str, object]] = ()
    #: Sentences about what happens.
    told: Sequence[str] = ()
    #: What would change, and how many.
    changes: Sequence[tuple[str, object]] = ()
    #: Why it is refused; no button then.
    refused: Refusal | None = None
    #: Where the same question is asked with the checks of the voice left out.
    forced: str | None = None
    #: Whether the act can be undone.
    is_final: bool = False
    #: Who else may be meant, and the address of the question about them.
    meant: Sequence[tuple[str, str]] = ()
    #: Exemplars that it is about.
    exemplars: Sequence[object] = field(default_factory=list)


def ask(site: Site, request: Request, question: Question) -> Response:
    """The page that asks."""
    status = 409 if question.refused else 200
    return site.page(request, "question.html", status=status, question=question)


def person_url(name: str) -> str:
    """The page of a person."""
    return url("/person", name=name)


def brief(name: str) -> str:
    """A name as a sentence has it: its first 60 letters."""
    return name if len(name) <= _BRIEF else f"{name[: _BRIEF - 1]}\N{HORIZONTAL ELLIPSIS}"


def attempt(site: Site, request: Request, back: str, act: Callable[[], Response]) -> Response:
    """Do an act; a refusal is told on the page it came from."""
    try:
        return act()
    except (PgvoiceError, ValueError) as error:
        if isinstance(error, DatabaseError):
            raise
        site.tell(request, str(error), is_error=True)
        return site.go_back(back)


def rehearse(act: Callable[[], Found]) -> tuple[Found | None, Refusal | None]:
    """What an act would do, or why it is refused."""
    try:
        return act(), None
    except (PgvoiceError, ValueError) as error:
        if isinstance(error, DatabaseError):
            raise
        about_voices = isinstance(error, IncoherentExemplars)
        return None, Refusal(str(error), about_voices, isinstance(error, UnknownSpeaker))


def if_allowed(ask_store: Callable[[], Found]) -> Found | None:
    """What the store says; None if its user may not know it."""
    try:
        return ask_store()
    except PrivilegeMissing:
        return None
