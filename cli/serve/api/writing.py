"""What every request that changes something has to be."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request

from pgvoice.cli.serve.site import Site

_READ_ONLY = (
    "this server may only read, and {method} {path} changes something: start `pgvoice serve`"
    " without --read-only, or use the command line"
)
_JSON = "send the request as JSON, with `Content-Type: application/json`"


def writing(site: Site) -> APIRouter:
    """A router for routes that change something: refused by a server that may only read."""

    def may_write(request: Request) -> None:
        if site.read_only:
            told = _READ_ONLY.format(method=request.method, path=request.url.path)
            raise HTTPException(403, told)

    return APIRouter(dependencies=[Depends(may_write), Depends(_is_json)])


def _is_json(request: Request) -> None:
    """Raises a 415 for a body that is not JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = request.headers.get("content-length", "0") != "0" or (
        "transfer-encoding" in request.headers
    )
    if has_body and kind != "application/json":
        raise HTTPException(415, _JSON)
