"""Pages of long lists: a limit, and a cursor that says where the next page begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Query, Request, Response

from pgvoice.store.names import is_text

Item = TypeVar("Item")
#: Items of a page.
DEFAULT, MOST = 100, 500
#: Items that a cursor can skip.
_FARTHEST = 1 << 53
_NO_CURSOR = "there is no page at this cursor: take the one that a page's `next` has, or none"


@dataclass(frozen=True, slots=True)
class Part:
    """Some items of a list, and the cursor of the next ones; None if these are the last."""

    items: Sequence[Any]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page a request asks for."""

    request: Request
    response: Response
    limit: int
    #: Where the page begins, as an earlier page said; None for the first one.
    place: int | str | None

    def skipping(self, read: Callable[[int, int], Sequence[Item]]) -> Part:
        """A page of what `read` returns for a limit and for how many to skip."""
        skip = self._place(int) or 0
        found = read(self.limit + 1, skip)
        return self.cut(found, lambda _: skip + self.limit)

    def counted(self, read: Callable[[int, int], tuple[Sequence[Any], int]]) -> dict[str, object]:
        """A page as `skipping` makes it, of what `read` returns with how many there are."""
        skip = self._place(int) or 0
        found, total = read(self.limit + 1, skip)
        part = self.cut(found, lambda _: skip + self.limit)
        return {"items": part.items, "next": part.next, "total": total}

    def before(
        self, read: Callable[[int, int | None], Sequence[Item]], number: Callable[[Item], int]
    ) -> Part:
        """A page of what `read` returns for a limit and the number of the last item before."""
        return self.cut(read(self.limit + 1, self._place(int)), number)

    def after(
        self, read: Callable[[int, str | None], Sequence[Item]], key: Callable[[Item], str]
    ) -> Part:
        """A page of what `read` returns for a limit and the key of the last item before."""
        return self.cut(read(self.limit + 1, self._place(str)), key)

    def cut(self, found: Sequence[Item], place: Callable[[Item], int | str]) -> Part:
        """The page, and where the next one begins if there is one item more."""
        items = found[: self.limit]
        if len(found) <= self.limit:
            return Part(items)
        cursor = _encoded(place(items[-1]))
        query = [each for each in self.request.query_params.multi_items() if each[0] != "cursor"]
        there = f"{self.request.url.path}?{urlencode([*query, ('cursor', cursor)])}"
        self.response.headers["Link"] = f'<{there}>; rel="next"'
        return Part(items, cursor)

    def _place(self, kind: type[Any]) -> Any:
        if self.place is not None and type(self.place) is not kind:
            raise HTTPException(404, _NO_CURSOR)
        return self.place


def _paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Items of a page.")] = DEFAULT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=4000,
            pattern="^[A-Za-z0-9_-]*$",
            description="Where the page begins: the `next` of the page before.",
        ),
    ] = None,
) -> Paging:
    return Paging(request, response, limit, _decoded(cursor))


#: An argument of a route that answers with a page.
Asked = Annotated[Paging, Depends(_paging)]


def _encoded(place: int | str) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _decoded(cursor: str | None) -> int | str | None:
    """Where a page begins. Raises a 404 for what is no cursor of ours."""
    if not cursor:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise HTTPException(404, _NO_CURSOR) from None
    is_number = type(place) is int and 0 <= place < _FARTHEST
    if not (is_number or (isinstance(place, str) and is_text(place))):
        raise HTTPException(404, _NO_CURSOR)
    found: int | str = place
    return found
