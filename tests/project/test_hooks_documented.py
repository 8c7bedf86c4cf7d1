"""Every hook has a test, and a signature in the README of the hooks."""

from __future__ import annotations

import inspect
import re

import pytest
from pgvoice_testkit.documents.readme import ROOT

from pgvoice.hooks.plugins import calls, specs

HOOKS = {name: hook for name, hook in vars(specs).items() if hasattr(hook, "pgvoice_spec")}
TESTS = (ROOT / "tests/hooks/plugins/test_calls.py").read_text()
DOCUMENTED = (ROOT / "hooks/README.md").read_text()


def test_all_of_them() -> None:
    assert len(HOOKS) == 9


@pytest.mark.parametrize("name", HOOKS)
def test_it_has_a_signature_in_the_readme(name: str) -> None:
    parameters = ", ".join(inspect.signature(HOOKS[name]).parameters)
    assert re.search(rf"^\| `{name}\({parameters}\)` \| .+ \|$", DOCUMENTED, re.MULTILINE)


@pytest.mark.parametrize("name", HOOKS)
def test_it_has_a_docstring_and_types(name: str) -> None:
    assert inspect.getdoc(HOOKS[name])
    signature = inspect.signature(HOOKS[name])
    annotations = [parameter.annotation for parameter in signature.parameters.values()]
    assert inspect.Signature.empty not in [*annotations, signature.return_annotation]


@pytest.mark.parametrize("name", HOOKS)
def test_it_has_a_caller_and_a_test(name: str) -> None:
    if name.startswith("register_"):
        sources = [path.read_text() for path in (ROOT / "hooks").rglob("*.py")]
        assert any(re.search(rf'calls\.registered\(\s*"{name}"', text) for text in sources)
    else:
        assert inspect.getdoc(getattr(calls, name))
    assert re.search(rf"^def test_{name}\(", TESTS, re.MULTILINE)
