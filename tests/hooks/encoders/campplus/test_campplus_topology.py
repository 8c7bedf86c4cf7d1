from __future__ import annotations

from pgvoice_testkit.encoders.plain_campplus import Campplus

from pgvoice.hooks.encoders.campplus.campplus_topology import campplus


def test_the_parameters_are_those_of_the_published_network() -> None:
    published = {name: value.shape for name, value in Campplus().state_dict().items()}
    assert {name: value.shape for name, value in campplus().state_dict().items()} == published
