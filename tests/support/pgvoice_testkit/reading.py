"""Pages of ``pgvoice serve`` as somebody without a browser reads them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from httpx2 import Response
from sqlalchemy import event
from starlette.testclient import TestClient

from pgvoice.store import VoiceStore


@dataclass(frozen=True)
class Form:
    """A form that is sent, with the values that it has."""

    action: str
    values: Mapping[str, list[str]]


def words(page: Response) -> str:
    """The text of a page's own part, in one line."""
    main = page.text.partition("<main")[2].partition("</main>")[0].partition(">")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


def row_names(page: Response) -> list[str]:
    """The text of the first link in the header of each row of the page's tables."""
    found = re.findall(r'role="rowheader".*?<a [^>]*>(.*?)</a>', page.text)
    return [html.unescape(each) for each in found]


def forms(page: Response) -> list[Form]:
    """The forms of a page that are sent with POST."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms


def elements(page: Response) -> set[str]:
    """The names of all elements."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.names


def confirm(browser: TestClient, page: Response, action: str, **values: object) -> Response:
    """Send the form of a page that leads to `action`, with other values for some fields."""
    (form,) = {each.action: each for each in forms(page) if each.action == action}.values()
    answer: Response = browser.post(form.action, data={**form.values, **values})
    return answer


def undo(browser: TestClient, page: Response) -> Response:
    """Press the button of the message on a page."""
    return confirm(browser, page, "/acts/undo")


def checksums(store: VoiceStore) -> dict[str, object]:
    """What the tables of a store contain, but for the audit trail."""
    return {
        each.table: each
        for each in store.upkeep.checksums()
        if not each.table.startswith(("audit", "act"))
    }


def statements(store: VoiceStore) -> list[str]:
    """A list that gets every statement that the store runs from now on."""
    found: list[str] = []

    def note(*given: object) -> None:
        found.append(str(given[2]))

    event.listen(store.database.engine, "before_cursor_execute", note)
    return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.names: set[str] = set()
        self._values: dict[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names.add(tag)
        if tag == "form":
            self._values = {} if given.get("method") == "post" else None
            if self._values is not None:
                self.forms.append(Form(given["action"], self._values))
        elif tag == "input" and self._values is not None and given.get("type") == "hidden":
            self._values.setdefault(given["name"], []).append(given["value"])
