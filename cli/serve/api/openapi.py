"""The description of the API (OpenAPI 3.1), with the errors that every route may answer."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pgvoice.cli.serve.api.shapes.jobs import Happening
from pgvoice.cli.serve.errors import PROBLEM, URN

Document = dict[str, Any]
_ABOUT = """Who speaks in your recordings, and everything that people do about it: the same answers
and acts as `pgvoice` on the command line and `pgvoice.store` in Python. Times are in seconds,
similarities are cosine similarities. Errors are problem documents (RFC 9457). Lists come in pages:
ask for the next one with the `next` of the one before."""
#: The errors of every route, and those of routes that change something.
_ALWAYS = {
    401: "Not logged in, or no valid token.",
    403: "This user of the database, or this server, may not do that.",
    404: "Something that was asked about does not exist.",
    409: "Refused, as things are.",
    421: "The request is for another host.",
    422: "The request is not understood.",
    500: "pgvoice made a mistake.",
    503: "The database or the audio cannot be reached now.",
}
_CHANGING = {
    400: "The body is not JSON that can be read.",
    413: "The body is too large.",
    415: "The body is not sent as JSON.",
    429: "Too many fills wait.",
}
_PROBLEM: Document = {
    "title": "Problem",
    "description": "An error, as RFC 9457 describes them.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "description": "The kind of the error, for programs.",
            "examples": [f"{URN}unknown_video"],
        },
        "title": {"type": "string", "examples": ["Not found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {
            "type": "string",
            "description": "A sentence with the value and the remedy.",
            "examples": ["no video 'tlak' in the store: `pgvoice cache stats` lists them"],
        },
        "errors": {
            "type": "array",
            "description": "Of a request that is not understood: what is wrong with which field.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "examples": ["body.speaker"]},
                    "message": {"type": "string", "examples": ["Field required"]},
                },
            },
        },
    },
}
_SECURITY: Document = {
    "token": {"type": "http", "scheme": "bearer", "description": "What PGVOICE_TOKEN sets."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "pgvoice",
        "description": "What a browser has that came in by the link or by a password.",
    },
}


def install(app: FastAPI) -> None:
    """Make the app describe itself this way; the description is made once."""

    def described() -> Document:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def describe(app: FastAPI) -> Document:
    """The description of the routes of an app that are in the schema."""
    document = get_openapi(title="pgvoice", version="1", description=_ABOUT, routes=app.routes)
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    components["responses"] = {
        str(status): {"description": told, "content": _content()}
        for status, told in {**_ALWAYS, **_CHANGING}.items()
    }
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    # No route answers with one but in a stream.
    schemas["Happening"] = Happening.model_json_schema()
    document["security"] = [{name: []} for name in _SECURITY]
    for path in document["paths"].values():
        for method, operation in path.items():
            _complete(operation, is_changing=method != "get")
    return document


def allowed(app: FastAPI, path: str) -> str | None:
    """The methods of a path as the header ``Allow`` lists them; None for no path of the API."""
    paths = app.openapi()["paths"]
    fitting = (each for each in paths if re.fullmatch(re.sub(r"{\w+}", r"\\d+", each), path))
    found = next(fitting, None)
    return None if found is None else ", ".join(sorted(method.upper() for method in paths[found]))


def _content() -> Document:
    return {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _complete(operation: Document, *, is_changing: bool) -> None:
    """Add the errors; a parameter of a query is never null, but left out."""
    for status in sorted({**_ALWAYS, **(_CHANGING if is_changing else {})}):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _not_null(parameter["schema"])


def _not_null(schema: Document) -> Document:
    """A schema without the alternative null."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    others = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**kinds[0], **others}
