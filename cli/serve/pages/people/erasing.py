"""Erasing a person for good."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from pgvoice.cli.serve.pages.people.asking import attempt, if_allowed
from pgvoice.cli.serve.site import Site, url

#: What has to be typed.
WORD = "erase"


def add(router: APIRouter, site: Site) -> None:
    """``/person/erase``."""
    privacy = site.store.privacy

    @router.get("/person/erase")
    def ask(request: Request, name: str) -> Response:
        whole = privacy.erase_speaker(name, with_segments=True, dry_run=True)
        return site.page(
            request,
            "erase.html",
            name=name,
            word=WORD,
            segments=whole.rows[0].rows,
            rows=[each for each in whole.rows[1:] if each.rows],
        )

    @router.post("/person/erase")
    def erase(
        request: Request,
        name: Annotated[str, Form()],
        typed: Annotated[str, Form()] = "",
        with_segments: Annotated[bool, Form()] = False,
        opt_out: Annotated[bool, Form()] = False,
        opt_out_voice: Annotated[bool, Form()] = False,
    ) -> Response:
        def act() -> Response:
            if typed.strip().casefold() != WORD:
                raise ValueError(f"nothing was erased: type {WORD!r} to confirm it")
            done = privacy.erase_speaker(
                name, with_segments=with_segments, opt_out=opt_out, opt_out_voice=opt_out_voice
            )
            return site.page(
                request,
                "erased.html",
                name=name,
                rows=[each for each in done.rows if each.rows],
                remains=if_allowed(lambda: privacy.remains(name)) or [],
            )

        return attempt(site, request, url("/person/erase", name=name), act)
