"""The page ``/notes`` and the panel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.responses import Response

import pgvoice_notes
from pgvoice.cli.serve.site import Site, url

_FORM = Markup(
    '<form method="post" action="/notes/add">'
    '<p><label for="about">About</label> <input id="about" name="about" value="{about}"></p>'
    '<p><label for="text">Note</label> <input id="text" name="text"></p>'
    "<p><button>Add</button></p></form>"
)
_ROW = Markup("<li><b>{}</b>: {}</li>")


def router(site: Site) -> APIRouter:
    made = APIRouter()

    @made.get("/notes")
    def show(request: Request, about: str = "") -> Response:
        rows = Markup().join(_ROW.format(*note) for note in pgvoice_notes.read())
        form = Markup() if site.read_only else _FORM.format(about=about)
        return site.content(request, "Notes", Markup("<ul>{}</ul>{}").format(rows, form))

    @made.post("/notes/add")
    def add(
        request: Request, about: Annotated[str, Form()], text: Annotated[str, Form()]
    ) -> Response:
        pgvoice_notes.write(about, text)
        site.tell(request, "A note was added")
        return site.go("/notes")

    return made


def beside(subject: str) -> Markup:
    texts = [text for about, text in pgvoice_notes.read() if about == subject]
    notes = Markup().join(Markup("<p>{}</p>").format(text) for text in texts)
    return notes + Markup('<p><a href="{}">Write a note</a></p>').format(
        url("/notes", about=subject)
    )
