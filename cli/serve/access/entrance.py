"""``Entrance``: links, passwords and sessions, and what is said to those who may not come in."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from pgvoice.cli.serve import errors
from pgvoice.cli.serve.access import hosts
from pgvoice.cli.serve.access.browser_sessions import BrowserSessions
from pgvoice.cli.serve.access.hosts import Hosts
from pgvoice.cli.serve.access.one_time import OneTimeToken, same
from pgvoice.cli.serve.errors import problem_of_status
from pgvoice.cli.serve.settings import Settings
from pgvoice.cli.serve.site import Site

#: The page to log in on.
LOGIN = "/login"
#: What begins the paths of what is no page.
OTHERS = ("/api/", "/static/")
#: Whose acts those of a program with the API's token are.
API_AUTHOR = "api"
_TITLES = {
    400: "Not understood",
    401: "Please come in",
    403: "Not allowed",
    413: "Too long",
    421: "Not this site",
    500: "Something failed",
}
_USED = (
    "This link has been used or is not from this server: open the last one that the terminal of"
    " `pgvoice serve` shows."
)
_NO_SESSION = "Open the link that the terminal of `pgvoice serve` shows."
_FOREIGN = "This request does not come from a page of this site."


class Refusal(Exception):
    """A request may not come in: a status of HTTP, and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


class Entrance:
    """Links, passwords and sessions of one server."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self.site = site
        self.settings = settings
        self.sessions = BrowserSessions()
        self.hosts = Hosts(settings)
        self._token = OneTimeToken()

    @property
    def link(self) -> str:
        """Lets one browser in."""
        return f"{self.settings.address}/?{urlencode({'token': self._token.current})}"

    @property
    def cookie(self) -> str:
        """Its name; browsers send a host's cookies to each of its ports."""
        return "__Host-pgvoice" if self.settings.is_secure else f"pgvoice-{self.settings.port}"

    def check_place(self, request: Request) -> None:
        """Raises `Refusal` for a request to another site, or from another that changes something.

        A program that has the API's token is no page, so it comes from no site.
        """
        origin = self.hosts.origin(request.headers)
        if origin is None:
            raise Refusal(
                421,
                f"This server is not {request.headers.get('host', '')[:100]!r}: `pgvoice serve"
                " --public-host` tells it other names.",
            )
        if not self.hosts.is_encrypted(request.headers):
            raise Refusal(400, "The proxy does not say X-Forwarded-Proto: https.")
        is_safe = request.method in hosts.SAFE or self._has_api_token(request)
        if not is_safe and not self.hosts.is_from(origin, request.headers):
            raise Refusal(403, _FOREIGN)

    def admit(self, request: Request) -> None:
        """Set who makes the request. Raises `Refusal`."""
        scope = request.scope
        if self._has_api_token(request):
            scope["pgvoice.author"] = API_AUTHOR
            return
        session = self.sessions.find(request.cookies.get(self.cookie, ""))
        if session is not None:
            scope["pgvoice.session"], scope["pgvoice.author"] = session.id, session.author
        elif not (scope["path"].startswith("/static/") or scope["path"] == LOGIN):
            raise Refusal(401, _NO_SESSION)

    def exchange(self, request: Request) -> Response | None:
        """Let a browser in that has the link; None for a request without a token."""
        token = request.query_params.get("token")
        is_page = request.method == "GET" and not request.scope["path"].startswith(OTHERS)
        if token is None or not is_page or self.settings.passwords:
            return None
        secret = None
        if self._token.use(token):
            secret = self.sessions.begin(self.settings.author)
            self.settings.tell(f"For another browser: {self.link}")
        elif self.sessions.find(request.cookies.get(self.cookie, "")) is None:
            raise Refusal(401, _USED)
        answer = self._enter(request, _without_token(request))
        if secret is not None:
            self.give(answer, secret)
        return answer

    def give(self, answer: Response, secret: str) -> None:
        """Leave the cookie of a session in the browser."""
        answer.set_cookie(
            self.cookie, secret, httponly=True, samesite="strict", secure=self.settings.is_secure
        )

    def refused(self, request: Request, refusal: Refusal) -> Response:
        title = _TITLES.get(refusal.status, "Error")
        if errors.is_for_programs(request):
            headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else None
            return problem_of_status(refusal.status, refusal.detail, headers).response()
        is_page = request.method in hosts.SAFE
        if refusal.status == 401 and is_page and _is_from_elsewhere(request):
            return self._lead_on(request, _here(request), status=401)
        if refusal.status == 401 and is_page and self.settings.passwords:
            return RedirectResponse(f"{LOGIN}?{urlencode({'next': _here(request)})}", 303)
        return self._tell(request, title, refusal.detail, status=refusal.status)

    def _has_api_token(self, request: Request) -> bool:
        """Whether a program asks with the API's token. Raises `Refusal` for a wrong one."""
        given, path = request.headers.get("authorization"), request.scope["path"]
        if given is None or not (path.startswith("/api/") or path == "/clips"):
            return False
        scheme, _, token = given.partition(" ")
        expected = self.settings.api_token
        if expected is None:
            raise Refusal(401, "This server has no token for the API: set PGVOICE_TOKEN.")
        if scheme.lower() != "bearer" or not same(token.strip(), expected):
            raise Refusal(401, "This is not the token that PGVOICE_TOKEN sets.")
        return True

    def _enter(self, request: Request, path: str) -> Response:
        """Show a page after a link."""
        if _is_from_elsewhere(request):
            return self._lead_on(request, path)
        return RedirectResponse(path, 303)

    def _lead_on(self, request: Request, path: str, *, status: int = 200) -> Response:
        """A page of ours that leads on by itself.

        A browser does not send a strict cookie along if a link on another site leads here, not even
        after a redirection, but it does if a page of ours leads on.
        """
        return self._tell(request, "Come in", "", status=status, path=path)

    def _tell(
        self, request: Request, title: str, detail: str, *, status: int, path: str | None = None
    ) -> Response:
        """A page for those who have not come in."""
        shown: dict[str, object] = {"title": title, "detail": detail, "path": path}
        return self.site.page(request, "entrance.html", status=status, **shown)


def _here(request: Request) -> str:
    """The path and query of a request, which never lead to another site."""
    path = "/" + quote(request.scope["path"].lstrip("/\\"))
    return f"{path}?{request.url.query}" if request.url.query else path


def _without_token(request: Request) -> str:
    path = "/" + quote(request.scope["path"].lstrip("/\\"))
    query = [(name, text) for name, text in request.query_params.multi_items() if name != "token"]
    return f"{path}?{urlencode(query)}" if query else path


def _is_from_elsewhere(request: Request) -> bool:
    return request.headers.get("sec-fetch-site") == "cross-site"
