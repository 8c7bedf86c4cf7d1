"""pgvoice as contributors install it, with the newest torch that it works with."""

from __future__ import annotations

import pytest
from pgvoice_testkit.processes.environments import ROOT, check_encoders, new_environment

from pgvoice.hooks.encoders.torch_pair import NEWEST

pytestmark = pytest.mark.slow


def test_the_encoders_with_the_newest_torch() -> None:
    with new_environment() as environment:
        environment.pip_install("-e", f"{ROOT}[test]")
        versions = environment.versions()
        for package in ("torch", "torchaudio"):
            assert versions[package].startswith("{}.{}.".format(*NEWEST))
        check_encoders(environment)
