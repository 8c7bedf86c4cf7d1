"""Whether the documents of ``pgvoice hook`` fit its schemas, by two independent validators."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema
import jsonschema_rs

from pgvoice.hooks.json_documents import Document, schema


@cache
def _validators(document: Document) -> tuple[Any, Any]:
    published = json.loads(schema(document))
    jsonschema.Draft202012Validator.check_schema(published)
    return jsonschema.Draft202012Validator(published), jsonschema_rs.validator_for(published)


def fits(given: object, document: Document) -> bool:
    """Whether a document fits; both validators must agree."""
    verdicts = {each.is_valid(given) for each in _validators(document)}
    assert len(verdicts) == 1, f"the validators disagree about {given!r:.300}"
    return bool(verdicts.pop())


def check(given: object, document: Document) -> None:
    """Raise unless a document fits, by both validators."""
    for each in _validators(document):
        each.validate(given)
