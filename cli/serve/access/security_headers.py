"""What browsers are told about every answer: load nothing of others, show it to no others."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
#: The policy `no-referrer` would hide from us which page a form is on.
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SECURE = {"Strict-Transport-Security": "max-age=31536000"}


def with_headers(send: Send, path: str, *, is_secure: bool) -> Send:
    """Sends an answer with these headers; it keeps what it says itself about caching."""
    kept = "no-cache" if path.startswith("/static/") else "no-store"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS | (_SECURE if is_secure else {}))
            headers.setdefault("Cache-Control", kept)
        await send(message)

    return sending
