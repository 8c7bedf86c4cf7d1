"""What one check found."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["ok", "warn", "fail"]


class Check(NamedTuple):
    """The result of a check."""

    name: str
    state: State
    #: What was found, with the remedy unless the state is ok.
    detail: str
