"""Which HTTP status an error of pgvoice is, and how it is told: as a page, or as a problem."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from pgvoice.cli.errors import explain
from pgvoice.cli.serve.site import Site
from pgvoice.hooks.errors import (
    AudioError,
    AudioSourceFailed,
    EncoderUnavailable,
    ExtraMissing,
    FormatError,
    NotLabelled,
    PluginError,
    QueueFull,
    SegmenterFailed,
    SegmenterUnavailable,
    UnknownJob,
)
from pgvoice.hooks.json_documents import kind_of
from pgvoice.store.errors import (
    AmbiguousSpan,
    DatabaseError,
    LabelIsNoName,
    NewName,
    NoSegment,
    NotHearable,
    PgvoiceError,
    SchemaForbidden,
    UnknownEncoder,
    UnknownLabel,
    UnknownTurnLabel,
    UnknownVoiceNumber,
)
from pgvoice.store.errors.base import Unknown

#: Errors and their statuses, the special ones first; all other errors of pgvoice are 409.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (NewName, 409),
    (Unknown, 404),
    (UnknownVoiceNumber, 404),
    (UnknownEncoder, 404),
    (UnknownLabel, 404),
    (UnknownTurnLabel, 404),
    (NoSegment, 404),
    (NotHearable, 404),
    (NotLabelled, 404),
    (UnknownJob, 404),
    (QueueFull, 429),
    (AudioSourceFailed, 503),
    (AudioError, 404),
    (SchemaForbidden, 403),
    (DatabaseError, 503),
    (EncoderUnavailable, 422),
    (SegmenterUnavailable, 422),
    (SegmenterFailed, 500),
    (FormatError, 422),
    (AmbiguousSpan, 422),
    (LabelIsNoName, 422),
    (PluginError, 500),
    (ExtraMissing, 500),
    (ProgrammingError, 403),
    (DataError, 422),
    (DBAPIError, 503),
    (ValueError, 422),
    (PgvoiceError, 409),
)
#: The type of error documents of the API (RFC 9457).
PROBLEM = "application/problem+json"
#: What precedes an error's kind in the type of a problem.
URN = "urn:pgvoice:error:"
#: Seconds after which a request may be repeated that the database could not answer.
RETRY_SECONDS = 10
#: What is said of an error that pgvoice did not foresee.
UNFORESEEN = "pgvoice made a mistake: the terminal of `pgvoice serve` says more"
_TITLES = {
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    409: "Refused",
    413: "Too large",
    422: "Not understood",
    429: "Too many requests",
    500: "Failed",
    503: "Not available now",
}
#: The kinds of errors that have no class: what HTTP itself refuses.
_KINDS = {
    400: "bad_request",
    401: "not_logged_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    421: "misdirected_request",
    422: "invalid_request",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
#: Errors whose sentences may name files of this machine.
_WITH_PATHS = (
    *(AudioError, DatabaseError, DBAPIError, EncoderUnavailable, OSError, PluginError),
    SegmenterUnavailable,
)
#: An absolute path, with its last part as a group; not a part of a URL.
_PATH = re.compile(
    r"""(?<![\w.:/~-])(?:~|[A-Za-z]:)?[/\\](?:[^/\\\n'"]+[/\\])*([^/\\\s'",;:()]*)"""
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the API tells it."""

    status: int
    #: Of the error's class, for programs.
    kind: str
    detail: str
    #: Of a request that is not understood: each field, and what is the matter with it.
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return _TITLES.get(self.status) or HTTPStatus(self.status).phrase

    def document(self) -> dict[str, object]:
        """The error as RFC 9457 has it."""
        named = {"type": URN + self.kind, "title": self.title, "status": self.status}
        listed = {"errors": self.errors} if self.errors else {}
        return {**named, "detail": self.detail, **listed}

    def response(self) -> Response:
        headers = dict(self.headers)
        return JSONResponse(self.document(), self.status, headers=headers, media_type=PROBLEM)


def problem_of(error: Exception) -> Problem | None:
    """The error as a problem; None if pgvoice did not foresee it."""
    explained = explain(error)
    if explained is None:
        return None
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
    detail = explained.message
    if isinstance(error, _WITH_PATHS):
        detail = without_folders(detail)
    retry = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else {}
    # A lone surrogate in what somebody gave cannot be sent back.
    detail = detail.encode(errors="backslashreplace").decode()
    return Problem(status, _kind(error, status), detail, headers=retry)


def problem_of_status(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Problem:
    """What HTTP itself refuses, as a problem."""
    return Problem(status, _KINDS.get(status, f"http_{status}"), detail, headers=headers or {})


def answer(request: Request, site: Site, problem: Problem) -> Response:
    """A problem for the API, or the page that shows it."""
    if is_for_programs(request):
        return problem.response()
    shown = site.page(
        request,
        "error.html",
        status=problem.status,
        title=problem.title,
        detail=problem.detail,
    )
    shown.headers.update(problem.headers)
    return shown


def is_for_programs(request: Request) -> bool:
    """Whether an error is told as a document: by the API, and by clips unless they are a page."""
    path: str = request.scope["path"]
    is_clip = path == "/clips" and "text/html" not in request.headers.get("accept", "")
    return is_clip or path.startswith("/api/")


def without_folders(text: str) -> str:
    """A text in which absolute paths are only the names of their files."""
    return _PATH.sub(r"\1", text)


def install(app: FastAPI, site: Site) -> None:
    """Make the app answer every error with a sentence."""

    def foreseen(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            raise error
        return answer(request, site, problem)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        fields = [
            {"field": ".".join(map(str, each["loc"])), "message": str(each["msg"])}
            for each in error.errors()
        ]
        told = "; ".join(f"{each['field']}: {each['message']}" for each in fields[:_NAMED])
        return answer(request, site, Problem(422, _KINDS[422], told, fields))

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := _allowed(request)):
            headers["Allow"] = methods
        told = problem_of_status(error.status_code, str(error.detail), headers)
        return answer(request, site, told)

    for kind in (PgvoiceError, ValueError, DBAPIError, OSError):
        app.add_exception_handler(kind, foreseen)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _allowed(request: Request) -> str | None:
    """The methods of a path of the API; each of its routes knows only its own."""
    find = getattr(request.app.state, "allowed", None)
    found: str | None = find(request.url.path) if find else None
    return found


#: Fields that a sentence names.
_NAMED = 5


def _kind(error: Exception, status: int) -> str:
    """The kind of an error of pgvoice, of the database, or of this machine."""
    if isinstance(error, DBAPIError):
        return {403: "privilege_missing", 422: "value_error"}.get(status, "database_error")
    return kind_of(error)
