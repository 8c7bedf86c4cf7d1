"""The API describes itself: OpenAPI 3.1 that is valid, complete, and without vectors."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from starlette.testclient import TestClient

from pgvoice.cli.serve.errors import PROBLEM

#: Whatever holds a vector is called.
VECTORS = {"embedding", "embeddings", "vector", "mean", "centroid"}


@pytest.fixture(scope="session")
def described(api: TestClient) -> dict[str, Any]:
    answer = api.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_it_is_valid(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(described).validate()


def test_nothing_in_it_is_a_vector(described: dict[str, Any]) -> None:
    names = {
        name
        for schema in described["components"]["schemas"].values()
        for name in schema.get("properties", {})
    }
    assert "similarity" in names
    assert not [name for name in names if not VECTORS.isdisjoint(name.split("_"))]


def test_every_operation_has_a_name_a_sentence_and_its_errors(described: dict[str, Any]) -> None:
    operations = [each for methods in described["paths"].values() for each in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert all(
        operation["description"].split("\n")[0].endswith((".", ";")) for operation in operations
    )
    for operation in operations:
        assert {"401", "403", "404", "409", "422", "500", "503"} <= set(operation["responses"])
    for response in described["components"]["responses"].values():
        assert set(response["content"]) == {PROBLEM}


def test_names_of_people_and_recordings_are_in_no_path(described: dict[str, Any]) -> None:
    in_paths = {
        parameter["name"]
        for methods in described["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path"
    }
    assert in_paths == {"number", "run", "job"}
