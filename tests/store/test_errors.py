"""The docstring of `pgvoice.store.errors` draws the tree of its exceptions."""

from __future__ import annotations

import re

from pgvoice.store import errors

LINE = re.compile(r"^((?:[│├└─ ]{4})*)(\w+)", re.MULTILINE)


def test_the_docstring_draws_the_tree() -> None:
    drawn, path = {}, ["Exception"]
    for indent, name in LINE.findall(errors.__doc__ or "")[1:]:
        depth = len(indent) // 4 + 1
        path[depth:] = [name]
        drawn[name] = path[depth - 1]
    assert drawn == {
        name: each.__mro__[1].__name__
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.PgvoiceError)
    }
