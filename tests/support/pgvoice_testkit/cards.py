"""What is on a card of ``/review``."""

from __future__ import annotations

import re
from html import unescape


def voice_of(page: str) -> int:
    """The voice of a card."""
    return int(re.findall(r"<h1>Voice (\d+)</h1>", page)[0])


def told(page: str) -> str:
    """What the last answer did."""
    found = re.search(r'<form class="message[^>]*>\s*<p>(.*?)</p>', page)
    return unescape(found[1]) if found else ""


def forms(page: str) -> dict[str, dict[str, str]]:
    """The hidden fields of each form, by where it is sent."""
    return {
        action: {
            name: unescape(value)
            for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', body)
        }
        for action, body in re.findall(
            r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', page, re.DOTALL
        )
    }
