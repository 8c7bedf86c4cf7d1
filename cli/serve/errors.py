"""Which HTTP status an error of pgvoice is, and how it is told: as a page, or as a problem."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from pgvoice.cli.errors import explain
from pgvoice.cli.serve.site import Site
from pgvoice.hooks.errors import AudioError
from pgvoice.store.errors import (
    DatabaseError,
    PgvoiceError,
    PrivilegeMissing,
    UnknownVoiceNumber,
)
from pgvoice.store.errors.base import Unknown

#: Errors and their statuses, the special ones first; all others are 409.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (Unknown, 404),
    (UnknownVoiceNumber, 404),
    (AudioError, 404),
    (PrivilegeMissing, 403),
    (DatabaseError, 503),
    (ValueError, 422),
    (PgvoiceError, 409),
)
#: The type of error documents of the API (RFC 9457).
PROBLEM = "application/problem+json"
_TITLES = {
    403: "Not allowed",
    404: "Not found",
    409: "Refused",
    422: "Not understood",
    503: "The database cannot be used",
}


def install(app: FastAPI, site: Site) -> None:
    """Make the app answer every error that pgvoice foresees with a sentence."""

    def answer(request: Request, status: int, detail: str) -> Response:
        title = _TITLES.get(status, "Error")
        if request.url.path.startswith("/api/"):
            document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
            return JSONResponse(document, status, media_type=PROBLEM)
        return site.page(request, "error.html", status=status, title=title, detail=detail)

    def foreseen(request: Request, error: Exception) -> Response:
        explained = explain(error)
        if explained is None:
            raise error
        status = next((s for kind, s in STATUSES if isinstance(error, kind)), 500)
        return answer(request, status, explained.message)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        told = "; ".join(
            f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors()
        )
        return answer(request, 422, told)

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        return answer(request, error.status_code, str(error.detail))

    for kind in (PgvoiceError, ValueError):
        app.add_exception_handler(kind, foreseen)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
