"""``Site``: what pages have at hand, and how they answer."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from threading import Event
from urllib.parse import urlencode

from fastapi import Request
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import RedirectResponse, Response

from pgvoice.cli import output
from pgvoice.cli.serve.clips import ServedClips
from pgvoice.hooks.plugins.pages import RegisteredPage, failure
from pgvoice.hooks.plugins.specs import PanelPlace
from pgvoice.store.recordings.hearing import LONGEST_MS
from pgvoice.store.voice_store import VoiceStore

FOLDER = Path(__file__).parent
#: Messages that a session keeps for its next page, and sessions that keep some.
_KEPT_MESSAGES, _MOST_SESSIONS = 5, 1_000


@dataclass(frozen=True, slots=True)
class Message:
    """What an act did, to show once."""

    text: str
    #: The act to undo; None if there is none.
    act: int | None = None
    is_error: bool = False
    #: The page to show after the undo; None for the one that shows the message.
    back: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """What a plugin shows on a page of another."""

    title: str
    html: Markup


@dataclass
class Site:
    """The store, the pages, and the messages that are not shown yet."""

    store: VoiceStore
    pages: dict[str, RegisteredPage]
    #: Whether nothing may be changed; the database refuses it, too.
    read_only: bool = False
    #: Whether people log in, and so may log out.
    has_passwords: bool = False
    #: Set when the server is about to end: streams end then.
    closing: Event = field(default_factory=Event)
    #: What has to be ended before the store is closed.
    ending: ExitStack = field(default_factory=ExitStack)
    _messages: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        #: What can be heard.
        self.clips = ServedClips(self.store)
        self._templates = Jinja2Templates(env=_environment())
        self._templates.env.globals |= {"site": self, "url": url, "clip_url": clip_url}
        self._templates.env.filters |= {
            "clock": output.clock,
            "counted": output.counted,
            "lasting": lasting,
            "day": output.day,
            "last_day": output.last_day,
            "minute": minute,
            "prose": prose,
        }

    def page(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> Response:
        """A page from a template, with the messages of this session.

        One that is only fetched ahead (`is_ahead`) leaves them for the page that is shown.
        """
        kept = [] if is_ahead(request) else self._messages.pop(session_of(request), [])
        values["messages"] = kept
        answer: Response = self._templates.TemplateResponse(request, template, values, status)
        return answer

    def content(self, request: Request, title: str, body: str) -> Response:
        """A page of a plugin: below its title, HTML that is `markupsafe.Markup`, or text."""
        return self.page(request, "content.html", title=title, body=body)

    def panels(self, place: PanelPlace, subject: str) -> list[Panel]:
        """What plugins show beside a recording, a person or a voice; one that fails says so."""
        registered = [page for page in self.pages.values() if place in page.panels]
        return [self._panel(page, place, subject) for page in registered]

    def _panel(self, page: RegisteredPage, place: PanelPlace, subject: str) -> Panel:
        title = page.title or page.name
        try:
            return Panel(title, escape(page.panels[place](self, subject)))
        except Exception as error:
            return Panel(title, escape(failure(page, f"its panel for a {place}", error)))

    def tell(
        self,
        request: Request,
        text: str,
        *,
        act: int | None = None,
        is_error: bool = False,
        back: str | None = None,
    ) -> None:
        """Show this on the next page of the session, with a button that undoes the act."""
        kept = self._messages[session_of(request)]
        kept.append(Message(text, act, is_error, back))
        del kept[:-_KEPT_MESSAGES]
        while len(self._messages) > _MOST_SESSIONS:
            del self._messages[next(iter(self._messages))]

    def go(self, path: str, **query: object) -> Response:
        """After a form: show this page."""
        return RedirectResponse(url(path, **query), status_code=303)

    def go_back(self, back: str) -> Response:
        """After a form that several pages have: show the page it came from, if it is ours."""
        return RedirectResponse(local_path(back), status_code=303)

    def navigation(self) -> list[RegisteredPage]:
        """The pages that the bar at the top shows."""
        return [page for page in self.pages.values() if page.title and page.make is not None]


def _environment() -> Environment:
    loader = FileSystemLoader(FOLDER / "templates")
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def session_of(request: Request) -> str:
    """The id of the browser's session."""
    return str(request.scope.get("pgvoice.session", ""))


def local_path(path: str) -> str:
    """The path, or the start page if it leads to another site.

    Browsers take a backslash for a slash, and leave out tabs and ends of lines.
    """
    is_ours = path.startswith("/") and not path[1:].startswith(("/", "\\"))
    return path if is_ours and path.isprintable() else "/"


def is_ahead(request: Request) -> bool:
    """Whether the page is only fetched because it will probably be shown next."""
    return request.headers.get("purpose") == "prefetch"


def lasting(seconds: float) -> str:
    """``45 s``, ``41 min``, ``3 h 10 min``."""
    if round(seconds) < 60:
        return f"{round(seconds)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join([f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0))


def prose(text: str) -> Markup:
    """A sentence whose commands stand in backticks, with these as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    kinds = cycle((Markup("{}"), Markup("<code>{}</code>")))
    told = (kind.format(part) for kind, part in zip(kinds, parts, strict=False))
    return Markup("").join(told)


def minute(moment: datetime) -> str:
    """A moment to the minute, in this machine's zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def url(path: str, **query: object) -> str:
    """A path of this site with a query; None is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def clip_url(video: str, start: float, end: float) -> str:
    """Where a span of a recording can be heard, or its first minute; in seconds."""
    start = round(start, 3)
    end = min(end, start + LONGEST_MS / 1000)
    return url("/clips", video=video, start=f"{start:.3f}", end=f"{end:.3f}")
