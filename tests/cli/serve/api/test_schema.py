"""A few requests to each operation by its description; `tests/fuzz/api.py` makes many more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient

if TYPE_CHECKING:  # takes long to import, in every process that collects tests
    import schemathesis

#: Requests as described, and others.
MODES = ("positive", "negative")
CONFIG = Path(__file__).parents[3] / "fuzz" / "api.toml"
FEW = settings(
    max_examples=1,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def described(own_api: TestClient) -> schemathesis.schemas.BaseSchema:
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    schema = schemathesis.openapi.from_dict(
        own_api.get("/api/v1/openapi.json").json(), config=SchemathesisConfig.from_path(CONFIG)
    )
    schema.app = own_api.app
    return schema


@pytest.mark.parametrize("mode", MODES)
def test_answers_are_as_described(
    described: schemathesis.schemas.BaseSchema, own_api: TestClient, mode: str
) -> None:
    from schemathesis import GenerationMode

    assert {each.value for each in GenerationMode} == set(MODES)
    headers = {"Authorization": own_api.headers["Authorization"]}
    asked = 0
    for found in described.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        # Streams have tests of their own.
        if operation.path.endswith("events"):
            continue

        @FEW
        @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
        def ask(case: schemathesis.Case[Any]) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers=headers, base_url=str(own_api.base_url))

        ask()
    assert asked > 50
